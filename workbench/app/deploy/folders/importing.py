"""Makes a folder of services and definitions live: each file by itself, so that one that fails stays alone."""

from __future__ import annotations

import importlib
import logging
import sys
import traceback
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from workbench.app.deploy import loading
from workbench.app.deploy.drafting import Drafting
from workbench.app.deploy.folders.asked import OF_ZATO, Around, differing, lacks
from workbench.app.deploy.folders.defining import Defining
from workbench.app.deploy.folders.finding import DEFINITIONS, Found, files_in, places
from workbench.app.deploy.folders.imported import FileRow, Imported, ended
from workbench.app.deploy.folders.letting_go import Key, Names, leave, let_go
from workbench.app.deploy.folders.modules import Module, Modules
from workbench.app.deploy.folders.one_file import hearing, keys_of
from workbench.app.parts import Parts
from workbench.app.reports import Defined
from workbench.core.errors import WorkbenchError
from workbench.core.origin import digest_of
from workbench.core.source import forget_module

log = logging.getLogger("workbench.folders")

_READ = "__workbench_read__"
"""On a module that modules of a folder have imported: the digest of its text."""


class Former(NamedTuple):
    """What a folder was when it was loaded last.

    Args:
        imported: What became of it then.
        changed: Its files that have been written since, that are new or gone.
        names: What its files are called by what they have defined.
    """

    imported: Imported
    changed: Collection[Path]
    names: Names


def load_folder(
    loader: loading.Loader,
    parts: Parts,
    folder: Path,
    shown: str,
    *,
    replace: bool = False,
    former: Former | None = None,
) -> Imported:
    """Make a folder live; its modules find each other from now on, as Zato's do.

    Args:
        loader: The workbench; where a module imports `wb`, that is this one.
        parts: Its rooms.
        folder: The folder.
        shown: What the outcome calls it.
        replace: Whether what another file has defined may be replaced.
        former: What it was; None for all anew. Of one that is known those files run that have changed, that failed,
            or that import such; what a file has no longer is taken out of force.

    Raises:
        DeployRefused: There is no such folder, or nothing in it to read, or too much.
    """
    found = files_in(folder, shown)
    for place in map(str, (each.resolve() for each in places(found, folder))):
        if place not in sys.path:
            # Last, so that a file of the folder never takes the place of an installed package.
            sys.path.append(place)
    importlib.invalidate_caches()
    token = loading.LOADER.set(loader)
    try:
        imported = _Importing(parts, loader.drafting, folder, replace, former).imported(found, shown)
    finally:
        loading.LOADER.reset(token)
    if former is None:
        for each in (*imported.failed, *imported.missing):
            log.warning("%s: %s", shown, each)
    parts.events.emit(imported)
    return imported


class _Importing:
    """One import of a folder."""

    def __init__(self, parts: Parts, drafting: Drafting, folder: Path, replace: bool, former: Former | None) -> None:
        self._parts, self._drafting, self._folder, self._replace = parts, drafting, folder, replace
        self._former = former
        self._names = Names() if former is None else former.names
        self._rows = {} if former is None else {row.file: row for row in former.imported.rows}
        self._differs = set[str]()
        self._kept: dict[str, set[Key]] = {}
        self._gone = set[Path]()
        self._defined: list[Defined] = []

    def imported(self, found: Found, shown: str) -> Imported:
        """What becomes of what was found."""
        played = set(self._parts.secrets.played)
        files = {self._shown(path): path for path in (*found.modules, *found.definitions)}
        gone, behind = list[str](), self._behind(found)
        if self._former is not None:
            self._gone = set(self._former.changed) - set(files.values()) - behind
        modules = Modules(found, self._folder, self._gone)
        _forget_changed(modules, self._gone)
        if self._former is None:
            self._run(modules, found.definitions, files)
        else:
            self._rows = {file: row for file, row in self._rows.items() if file in files}
            self._run(modules, found.definitions, self._due(modules))
            gone = self._let_go(modules, found.definitions)
        for path, why in found.left_out:
            file, said = self._shown(path), [f"{self._shown(path)} {why}."]
            had_files = any(path in each.parents for each in behind)
            row = FileRow(file, "left out")
            self._rows[file] = row._replace(failed=said) if had_files else row._replace(notes=said)
        unset = set(self._parts.secrets.played) - played
        rows = [self._rows[file] for file in sorted(self._rows)]
        imported = Imported(shown, rows, self._undefined(rows), unset, self._differs, self._defined, gone)
        imported.removed = sorted(map(self._shown, self._gone))
        return imported

    def _behind(self, found: Found) -> set[Path]:
        """Files that were read, and are in a folder now that is not: nobody knows that they are gone."""
        left_out = {each.path for each in found.left_out}
        changed = self._former.changed if self._former is not None else ()
        return {each for each in changed if not left_out.isdisjoint(each.parents)}

    def _due(self, modules: Modules) -> set[str]:
        """Files that have changed or failed, and modules that import such."""
        assert self._former is not None
        changed = {self._shown(path) for path in self._former.changed}
        return modules.that_need(changed | {file for file, row in self._rows.items() if row.failed})

    def _run(self, modules: Modules, definitions: Sequence[Path], due: Collection[str]) -> None:
        """Run those of the files that are due; of definitions all, if one of them is, since they name each other."""
        around = Around(modules.has, modules.set_names, self._parts.live.expect_way)
        for each in modules.ordered():
            self._differs |= differing(each.asked) if each.asked is not None else set()
            if each.file in due:
                self._rows[each.file] = self._of_module(each, around)
        for file, said in _hidden(modules):
            self._rows[file] = self._rows[file]._replace(failed=[said])
        _note_helpers(modules)
        if self._former is not None and not any(file.endswith(DEFINITIONS) for file in due):
            self._differs |= {row.name for row in self._former.imported.differs}
            return
        defining = Defining(self._parts, self._drafting, self._folder, self._replace, self._names)
        self._rows |= defining.rows(definitions)
        self._differs |= defining.differs
        self._defined += defining.defined
        self._kept |= defining.kept

    def _let_go(self, modules: Modules, definitions: Sequence[Path]) -> list[str]:
        """Take out of force what files that ran have no longer, and what those had that are gone."""
        without = {self._names[path]: set[Key]() for path in self._gone}
        if not (left := leave(self._parts, self._drafting, {**self._kept, **without})):
            return []
        # What has moved from one file to another was the former's until now, and answers all the while.
        has = {file for file in self._rows if left & self._kept.get(self._names[self._folder / file], set())}
        if due := has | {file for file, row in self._rows.items() if row.failed}:
            self._run(modules, definitions, due)
        return let_go(self._parts, self._drafting, left)

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _of_module(self, module: Module, around: Around) -> FileRow:
        if module.asked is None:
            return FileRow(module.file, "services", failed=[module.wrong])
        name = self._names[module.path]
        if module.is_helper:
            self._kept[name] = set()
            return FileRow(module.file, "helper", lacks=lacks(module.asked, around, {}))
        try:
            with hearing(self._parts) as defined:
                deployed = loading.load_module(self._drafting, module.path, self._replace, module.name, name)
        except WorkbenchError as exc:
            lacking = lacks(module.asked, around, {})
            return FileRow(module.file, "services", failed=[ended(f"{module.file}: {exc}")], lacks=lacking)
        except (Exception, SystemExit) as exc:
            lacking = lacks(module.asked, around, {})
            line, where = self._place(module, exc)
            known = [each.sentence for each in lacking if each.line == line and isinstance(exc, ImportError)]
            rest = [each for each in lacking if each.sentence not in known]
            failed = [f"{where}: {each}" for each in known] or [ended(f"{where}: {_words(exc)}")]
            return FileRow(module.file, "services", failed=failed, lacks=rest)
        versions = [*dict(deployed.versions), *deployed.waiting]
        names = [version.name for version in versions]
        self._kept[name] = defined | keys_of(deployed)
        lacking = lacks(module.asked, around, {each.cls.__name__: each.cls for each in versions})
        return FileRow(module.file, "services" if names else "helper", names, lacks=lacking)

    def _place(self, module: Module, error: BaseException) -> tuple[int, str]:
        """The line of a module where an error came from, and the place in words: of a helper's error, both."""
        real, line, where = self._folder.resolve(), 0, module.file
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == str(module.path):
                line, where = frame.lineno or 0, f"{module.file}, line {frame.lineno}"
            elif Path(frame.filename).is_relative_to(real):
                helper = Path(frame.filename).relative_to(real).as_posix()
                where = f"{module.file}, line {line}, by {helper}, line {frame.lineno}"
        return line, where

    def _undefined(self, rows: Sequence[FileRow]) -> dict[str, list[str]]:
        """Connections that services of the folder name and nobody defines."""
        found: dict[str, list[str]] = {}
        for name in (name for row in rows if row.kind == "services" for name in row.brought):
            if (version := self._drafting.live.get(name)) is not None:
                for each in self._drafting.missing(version):
                    found.setdefault(each, []).append(name)
        return found


def _words(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "it ends Python with exit. Fix: leave that to the program that runs it."
    if isinstance(error, SyntaxError):  # of a helper
        return f"Python does not understand it: {error.msg}"
    return f"{type(error).__name__}: {error}"


def _helpers(modules: Modules) -> Iterator[tuple[str, str]]:
    """Modules of the folder that others have imported, by their names for Python, each with the digest of its text."""
    digests = {str(each.path.resolve()): digest_of(each.text) for each in modules if each.asked is not None}
    for name, module in list(sys.modules.items()):
        if (file := getattr(module, "__file__", None)) in digests:
            yield name, digests[str(file)]


def _hidden(modules: Modules) -> Iterator[tuple[str, str]]:
    """Helpers in whose place Python has imported another module of their name, each with a sentence that says so."""
    imported = modules.imported
    for each in modules:
        found = getattr(sys.modules.get(each.name), "__file__", None)
        is_meant = each.file in imported and each.name not in OF_ZATO
        if is_meant and each.asked is not None and each.is_helper and found not in (None, str(each.path.resolve())):
            yield (
                each.file,
                f"{each.file} is not what `import {each.name}` gives here, which is {found}. Fix: rename the file.",
            )


def _note_helpers(modules: Modules) -> None:
    for name, digest in _helpers(modules):
        setattr(sys.modules[name], _READ, digest)


def _forget_changed(modules: Modules, gone: Collection[Path]) -> None:
    """Have modules imported anew, if one of them that an earlier import of this folder brought has changed since.

    One whose file is gone has, too, and nobody imports it again.
    """
    noted = [(name, was, now) for name, now in _helpers(modules) if (was := getattr(sys.modules[name], _READ, ""))]
    files = {str(each.parent.resolve() / each.name) for each in gone}
    without = [name for name, module in list(sys.modules.items()) if getattr(module, "__file__", None) in files]
    if without or any(was != now for _, was, now in noted):
        for name in (*without, *(name for name, _, _ in noted)):
            forget_module(name)
