"""What becomes of files that cannot be handed on, in words that stand beside them."""

from __future__ import annotations

from workbench.core.errors import WorkbenchError


class FileRefused(WorkbenchError):
    """A file that no service gets: it is no file, too large, cannot be read, or is not what it should be."""


class StillWritten(WorkbenchError):
    """A file that has changed since it was found whole; it waits until it is still again."""


class ChangedMeanwhile(WorkbenchError):
    """A file that somebody went on writing while a service had it."""

    def __init__(self, name: str, sizes: tuple[int, int]) -> None:
        was, now = sizes
        super().__init__(
            f"{name} was changed while its service had it: {was:,} bytes were handed on, and it has {now:,} now. "
            f"Fix: have it written under another name, as .{name}, and renamed when it is whole, or raise "
            f"settle_seconds of the channel; then see what the service did with a part of it."
        )


class FileInterrupted(WorkbenchError):
    """The process that had a file ended before it said how that went."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The process that had {name} ended while a service had it, so that nobody knows whether the service did "
            f"its work. Fix: look what it did; if that is nothing, move the file back into the folder. With "
            f'on_interrupt="retry" such files are handed on once more.'
        )


class NotDropped(WorkbenchError):
    """A file that could not be put into a channel's folder by hand."""
