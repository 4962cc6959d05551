"""Takes a package apart without trust: no path leads out of it, no link, no bomb, and nothing in it runs by itself."""

from __future__ import annotations

import errno
import shutil
import stat
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatch
from importlib.machinery import all_suffixes
from importlib.metadata import packages_distributions
from pathlib import Path

from workbench.app.configuration.startup.begin import EXTLIB
from workbench.core.errors import WorkbenchError, listed
from workbench.sharing.names import same_elsewhere, wrong_with

MOST_FILES, MOST_BYTES = 2_000, 512 << 20
"""Most files of a package, and their most bytes unpacked."""
RUNS = ("jupyter*_config.*", "ipython*_config.*", "sitecustomize.*", "usercustomize.*", "*.pth", "startup")
"""What Python, IPython and Jupyter run as they start, where they find it."""
_NOT_MODULES = frozenset(("test", "tests", "docs", "examples"))


class PackageRefused(WorkbenchError):
    """A package that could do harm by being opened, or that cannot be read."""

    def __init__(self, name: str, why: str, fix: str = "ask who made it for one by workbench share") -> None:
        super().__init__(f"{shown(name)} was not opened: {why}. Fix: {fix}.")


def shown(text: object) -> str:
    """Text of a stranger as a terminal may show it: nothing in it moves the cursor or turns the line around."""
    return "".join(each if each.isprintable() else "?" for each in str(text))


def unpack(package: Path, folder: Path) -> list[str]:
    """Unpack a ZIP file into a new folder; hidden files are left out, and named.

    All names are looked at before anything is written.

    Raises:
        PackageRefused: It is damaged, or something in it is not what a package has.
    """
    try:
        with zipfile.ZipFile(package) as packed:
            _check(package.name, packed.infolist())
            entries = [each for each in packed.infolist() if not each.is_dir()]
            folder.mkdir(parents=True)
            hidden = [each.filename for each in entries if _is_hidden(each.filename)]
            for entry in entries:
                if entry.filename not in hidden:
                    file = folder / entry.filename
                    file.parent.mkdir(parents=True, exist_ok=True)
                    with packed.open(entry) as source, file.open("xb") as target:
                        shutil.copyfileobj(source, target)
            return hidden
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError, OSError) as exc:
        # Its numbers may lead to a place before its beginning.
        if isinstance(exc, OSError) and exc.errno != errno.EINVAL:
            raise
        raise PackageRefused(package.name, f"it is no whole ZIP file: {exc}", "fetch or copy it again") from exc


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _check(name: str, entries: list[zipfile.ZipInfo]) -> None:
    """Raise PackageRefused for anything that a package has not."""
    if len(entries) > MOST_FILES:
        raise PackageRefused(name, f"it holds {len(entries)} files, and {MOST_FILES} are the most")
    if (size := sum(each.file_size for each in entries)) > MOST_BYTES:
        raise PackageRefused(name, f"it unpacks to {size >> 20} MiB, and {MOST_BYTES >> 20} are the most")
    for each in entries:
        # Before Python has changed it, as it cuts a name at its first NUL.
        if why := wrong_with(each.orig_filename):
            raise PackageRefused(name, f"{shown(each.orig_filename)!r}: {why}")
        kind = stat.S_IFMT(each.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            what = "a link" if kind == stat.S_IFLNK else "no file"
            raise PackageRefused(name, f"{shown(each.filename)!r} is {what}")
        if each.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Others want as much memory as the package says.
            raise PackageRefused(name, f"{shown(each.filename)!r} is compressed in a way that packages do not use")
        if each.flag_bits & 1:
            raise PackageRefused(name, f"{shown(each.filename)!r} is encrypted")
    files = [each.filename for each in entries if not each.is_dir()]
    folders = {"/".join(path.split("/")[:end]) for path in files for end in range(1, path.count("/") + 1)}
    twice = {path for path, times in Counter(files).items() if times > 1} | (folders & {*files})
    if twice:
        raise PackageRefused(name, f"{shown(min(twice))!r} is there twice")
    if pairs := same_elsewhere(files):
        one, other = map(shown, pairs[0])
        raise PackageRefused(name, f"{one!r} and {other!r} are one file on a disk that ignores case")


def check_harmless(folder: Path) -> None:
    """Raise PackageRefused for files that run as Python, IPython or Jupyter start, or as they import what they need."""
    names = [each.relative_to(folder).as_posix() for each in _walk(folder)]
    if runs := [name for name in names if any(fnmatch(part, each) for part in name.split("/") for each in RUNS)]:
        raise PackageRefused(folder.name, f"{listed(map(shown, runs))} would run by being opened", "remove it")
    if (extlib := folder / EXTLIB).is_dir():
        # The workbench looks there for modules, too, before it looks anywhere else.
        names += [each.relative_to(extlib).as_posix() for each in _walk(extlib)]
    known = (sys.stdlib_module_names | packages_distributions().keys()) - _NOT_MODULES
    if hides := sorted({_module(each) for each in names} & known):
        raise PackageRefused(
            folder.name, f"its module {listed(hides)} would be imported in place of an installed one", "rename it"
        )


def _module(path: str) -> str:
    """The module that Python imports from a path at its top; '' for none. Bytecode and libraries are imported, too."""
    name = path.rpartition("/")[2]
    if not name.endswith(tuple(all_suffixes())):
        return ""
    module = name.partition(".")[0]
    if "/" in path:
        return path.partition("/")[0] if module == "__init__" else ""
    return module


def _walk(folder: Path) -> Iterable[Path]:
    """Files of a folder and one below, where what starts looks; what is hidden is not looked at."""
    for each in sorted(folder.iterdir()):
        if each.name.startswith("."):
            continue
        if each.is_dir() and not each.is_symlink():
            yield from (below for below in sorted(each.iterdir()) if below.is_file())
        else:
            yield each
