"""File channels: a watched folder whose files go to services."""

from __future__ import annotations

from workbench.channels.files.definition import WatchedFolder
from workbench.channels.files.live import LiveFileChannel
from workbench.channels.live import LiveChannel, Opening


class FileChannel(WatchedFolder, tag="file channel", frozen=True, kw_only=True):
    """A watched folder: each whole file in it is handed to services, one after another, the oldest first.

    A file is whole once its size and time of change have been still for `settle_seconds`, as they are of a file that
    was written elsewhere and then moved in. It is claimed by a rename, which one process alone can do; then it is moved
    to `move_processed_to`, or to `move_failed_to` with the reason beside it. Names that begin with a dot, and folders,
    are left alone. The names of fields are those of Zato's pickup.conf.
    """

    def live(self, opening: Opening) -> LiveChannel:
        return LiveFileChannel(self, opening)
