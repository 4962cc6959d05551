"""A watched folder: what is whole in it, who has claimed what, and where files go in the end.

`in/x` is moved to `in/.claimed/<owner>/x`, which one process alone can do, and to `in/.claimed/<owner>/.begun/x` before
a service gets it. What a dead owner has left in the former place was given to nobody.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import count
from pathlib import Path
from typing import NamedTuple

from workbench.channels.files.definition import WatchedFolder
from workbench.channels.files.reading import Look
from workbench.core.ports import Clock
from workbench.durable.owners import Owner, is_over

CLAIMED, BEGUN, REASON = ".claimed", ".begun", ".reason.txt"
PROCESSED, FAILED = "processed", "failed"
LONGEST_NAME_BYTES = 255
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV)
"""What systems say that make no second name of a file there."""


class Found(NamedTuple):
    """A file of the folder; `is_odd` says that it is a link, or no file at all."""

    name: str
    look: Look
    is_odd: bool
    was_moved_in: bool


class Settling:
    """Which files have been still for long enough, by a clock that nobody sets."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._since: dict[str, tuple[Look, float]] = {}

    def whole(self, found: list[Found]) -> list[Found]:
        """Those of the files that are whole; the others are remembered as they are now."""
        now, before = self._clock.monotonic(), self._since
        self._since = {}
        for each in found:
            look, since = before.get(each.name, (None, now))
            self._since[each.name] = each.look, since if look == each.look else now
        return [
            each
            for each in found
            if each.is_odd or each.was_moved_in or now - self._since[each.name][1] >= self._seconds
        ]

    def forget(self, name: str) -> None:
        """Begin anew with a file."""
        self._since.pop(name, None)


class Claim:
    """A file that this process alone has.

    Attributes:
        path: Where it is now.
        look: How it was when it was found whole; None of one that was not found so, but left behind or made here.
        is_begun: Whether a service may have got it.
    """

    def __init__(self, folder: PickupFolder, name: str) -> None:
        self._folder, self.name, self.is_begun = folder, name, False
        self.look: Look | None = None
        self._owner = Owner()
        self._mine = folder.claimed / self._owner.name
        self.path = self._mine / name
        self._begun = self._mine / BEGUN
        folder.expect_no_links()
        # Not the folder itself: where a disk is gone, nothing may be put into its place.
        folder.claimed.mkdir(exist_ok=True)
        self._owner.begin()
        self._begun.mkdir(parents=True)

    def take(self, path: Path, *, is_begun: bool = False) -> bool:
        """Move the file here; False if somebody else was faster."""
        target = self._begun / self.name if is_begun else self.path
        try:
            path.rename(target)
        except FileNotFoundError:
            self.end()
            return False
        except OSError:
            self.end()
            raise
        self.path, self.is_begun = target, is_begun
        return True

    def begin(self) -> None:
        """Say that a service gets it now: whoever finds it after this process died must not hand it on again."""
        if not self.is_begun:
            self.path = self.path.rename(self._begun / self.name)
            self.is_begun = True

    def give_back(self) -> None:
        """Put it back, since no service got it; if another one has its name meanwhile, it is left behind here."""
        target = self._folder.root / self.name
        try:
            with suppress(FileExistsError):
                _put(self.path, target)
                self.path.unlink(missing_ok=True)
                self.path = target
        finally:
            self.end()

    def end(self) -> None:
        """Let go; what is still claimed is left behind, for whoever looks next."""
        self._owner.end()
        for each in (self._begun, self._mine):
            with suppress(OSError):
                each.rmdir()


class PickupFolder:
    """The folders of one channel."""

    def __init__(self, channel: WatchedFolder) -> None:
        self._channel = channel
        self.root = Path(channel.pickup_from).expanduser().absolute()
        self.claimed = self.root / CLAIMED
        self._own = [self.claimed]
        self.processed = self._beside(channel.move_processed_to, PROCESSED)
        self.failed = self._beside(channel.move_failed_to, FAILED)

    def _beside(self, given: str, otherwise: str) -> Path:
        if given:
            return Path(given).expanduser().absolute()
        self._own.append(self.root / otherwise)
        return self._own[-1]

    def expect_no_links(self) -> None:
        """Raise OSError for a link in place of a folder of our own: who writes into the watched one could make one, and
        have this process write wherever it leads. What a channel names by itself may be a link.
        """
        for each in self._own:
            if each.is_symlink():
                why = "it is a link, which is followed only where the channel names it, as move_processed_to"
                raise OSError(errno.ELOOP, why, str(each))

    def fits(self, name: str) -> bool:
        """Whether a name is one to take."""
        return not name.startswith(".") and any(fnmatchcase(name, each) for each in self._channel.patterns)

    def files(self) -> list[Found]:
        """What is there to be taken, the oldest first; raises OSError, also where nothing could be taken."""
        if not os.access(self.root, os.R_OK | os.W_OK | os.X_OK) and self.root.is_dir():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.root))
        found = []
        with os.scandir(self.root) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if self.fits(entry.name) and not entry.is_dir(follow_symlinks=False):
                        found.append(self._found(entry.name, entry.stat(follow_symlinks=False)))
        return sorted(found, key=lambda each: (each.look.modified_ns, os.fsencode(each.name)))

    def _found(self, name: str, said: os.stat_result) -> Found:
        # The system itself has seen it still for so long: it was written, and its name or rights changed later.
        stood = (said.st_ctime_ns - said.st_mtime_ns) / 1e9
        was_moved_in = os.name == "posix" and stood >= max(self._channel.settle_seconds, 1e-9)
        look = Look(said.st_size, said.st_mtime_ns, said.st_ino)
        return Found(name, look, not stat.S_ISREG(said.st_mode), was_moved_in)

    def claim(self, found: Found) -> Claim | None:
        """Take a file; None if somebody else was faster. Raises OSError."""
        claim = Claim(self, found.name)
        claim.look = found.look
        return claim if claim.take(self.root / found.name) else None

    def made(self, name: str, body: bytes) -> Claim:
        """A new file, claimed from its beginning, so that nobody else takes it. Raises OSError, and ValueError for what
        no name can hold.
        """
        claim = Claim(self, name)
        part = claim.path.with_name(".part")
        try:
            part.write_bytes(body)
            claim.take(part)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            claim.end()
            raise
        return claim

    def left_behind(self) -> Iterator[Claim]:
        """Take over what dead processes had claimed; raises OSError."""
        self.expect_no_links()
        for theirs in _folders(self.claimed):
            is_same_user = not hasattr(os, "getuid") or theirs.lstat().st_uid == os.getuid()
            if not is_over(theirs.name, is_same_user=is_same_user):
                continue
            for place in (theirs, theirs / BEGUN):
                for name in _names(place):
                    claim = Claim(self, name)
                    if claim.take(place / name, is_begun=place != theirs) and self._is_open(claim):
                        yield claim
            for place in (theirs / BEGUN, theirs):
                with suppress(OSError):
                    place.rmdir()

    def _is_open(self, claim: Claim) -> bool:
        """Whether anything is to be done with what was left behind; what is none of this channel's is given back."""
        if self._stands_elsewhere(claim):
            claim.path.unlink()
            claim.end()
            return False
        if claim.path.lstat().st_nlink > 1:
            # Its process died as it gave it back, and another one may have it by now.
            claim.begin()
        if not claim.is_begun and not self.fits(claim.name):
            claim.give_back()
            return False
        return True

    def _stands_elsewhere(self, claim: Claim) -> bool:
        """Whether the file has its next place already: its process died before it took this one away."""
        mine = claim.path.lstat()
        for folder in (self.root, self.processed, self.failed):
            for target in _named(folder, claim.name):
                if not os.path.lexists(target):
                    break
                if os.path.samestat(target.lstat(), mine):
                    return folder != self.failed or _beside(target).exists()
        return False

    def put_away(self, claim: Claim) -> Path | None:
        """Move a file that was handed on to where such files go, or delete it; where it is now. Raises OSError."""
        self.expect_no_links()
        if self._channel.delete_after_pickup:
            claim.path.unlink(missing_ok=True)
            claim.end()
            return None
        claim.path = moved(claim.path, self.processed)
        claim.end()
        return claim.path

    def set_aside(self, claim: Claim, reason: str) -> Path:
        """Move a file that failed to where such files go, with the reason beside it; where it is. Raises OSError."""
        self.expect_no_links()
        claim.path = moved(claim.path, self.failed, reason)
        claim.end()
        return claim.path


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(each.path) for each in entries if each.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _names(folder: Path) -> list[str]:
    """The names of what is claimed there; what was never whole begins with a dot."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        return sorted(each.name for each in entries if not each.name.startswith("."))
    return []


def moved(path: Path, folder: Path, reason: str = "") -> Path:
    """Move a file into a folder, under another name if its own is taken; where it is. A reason is written beside it.

    A second name is made before the first is taken away, so that nothing is replaced, and nothing lost at any moment.
    """
    path.lstat()
    folder.mkdir(parents=True, exist_ok=True)
    for target in _named(folder, path.name):
        try:
            _put(path, target)
        except FileExistsError:
            continue
        if reason:
            _beside(target).write_text(reason, encoding="utf-8")
        path.unlink(missing_ok=True)
        return target
    raise AssertionError("names have no end")


def _put(path: Path, target: Path) -> None:
    """Have a file under a second name, or under that alone where the system makes no second ones."""
    try:
        os.link(path, target, follow_symlinks=False)
    except FileExistsError:
        if not os.path.samestat(target.lstat(), path.lstat()):
            raise
    except OSError as exc:
        if exc.errno not in NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        if exc.errno == errno.EXDEV:
            part = target.with_name(_short(f".{target.name}", ".part"))
            shutil.copy2(path, part, follow_symlinks=False)
            part.rename(target)
        else:
            path.rename(target)


def _named(folder: Path, name: str) -> Iterator[Path]:
    """A name in a folder, and what to call it while that is taken: `a.json`, `a.json.2`, ..."""
    yield folder / name
    for number in count(2):
        yield folder / _short(name, f".{number}")


def _beside(path: Path) -> Path:
    return path.with_name(_short(path.name, REASON))


def _short(name: str, end: str) -> str:
    """A name with an end, as long as names may be; of one that is cut, a hash stands for the rest."""
    whole = os.fsencode(name)
    if len(whole) + len(end) <= LONGEST_NAME_BYTES:
        return name + end
    end = f"-{hashlib.sha256(whole).hexdigest()[:8]}{end}"
    return os.fsdecode(whole[: LONGEST_NAME_BYTES - len(end)]) + end
