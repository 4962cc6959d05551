"""Makes a folder of services and definitions live: each file by itself, so that one that fails stays alone."""

from __future__ import annotations

import importlib
import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from workbench.app.deploy import loading
from workbench.app.deploy.applying import Applying
from workbench.app.deploy.drafting import Drafting
from workbench.app.deploy.folders.asked import OF_ZATO, Around, differing, lacks
from workbench.app.deploy.folders.finding import Found, files_in, places
from workbench.app.deploy.folders.imported import FileRow, Imported
from workbench.app.deploy.folders.modules import Module, Modules
from workbench.app.deploy.manifests.reading import Item, Manifest, has_definitions, readable_of
from workbench.app.origins import file_name
from workbench.app.parts import Parts
from workbench.app.reports import Defined
from workbench.core.errors import WorkbenchError
from workbench.core.origin import Origin, digest_of

log = logging.getLogger("workbench.folders")

_READ = "__workbench_read__"
"""On a module that modules of a folder have imported: the digest of its text."""


def load_folder(loader: loading.Loader, parts: Parts, folder: Path, shown: str, *, replace: bool = False) -> Imported:
    """Make a folder live; its modules find each other from now on, as Zato's do.

    Args:
        loader: The workbench; where a module imports `wb`, that is this one.
        parts: Its rooms.
        folder: The folder.
        shown: What the outcome calls it.
        replace: Whether what another file has defined may be replaced.

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
        imported = _Importing(parts, loader.drafting, folder, replace).imported(found, shown)
    finally:
        loading.LOADER.reset(token)
    for each in (*imported.failed, *imported.missing):
        log.warning("%s: %s", shown, each)
    parts.events.emit(imported)
    return imported


class _Importing:
    """One import of a folder."""

    def __init__(self, parts: Parts, drafting: Drafting, folder: Path, replace: bool) -> None:
        self._parts, self._drafting, self._folder, self._replace = parts, drafting, folder, replace
        self._versions: list[str] = []
        self._differs = set[str]()
        self._defined: list[Defined] = []

    def imported(self, found: Found, shown: str) -> Imported:
        """What becomes of what was found."""
        played = set(self._parts.secrets.played)
        modules = Modules(found, self._folder)
        _forget_changed(modules)
        around = Around(modules.has, modules.set_names, self._parts.live.expect_way)
        rows = {each.file: self._of_module(each, around) for each in modules.ordered()}
        for file, said in _hidden(modules):
            rows[file] = rows[file]._replace(failed=[said])
        _note_helpers(modules)
        rows |= self._of_definitions(found.definitions)
        for path, why in found.left_out:
            file = self._shown(path)
            rows[file] = FileRow(file, "left out", notes=(f"{file} {why}.",))
        unset = set(self._parts.secrets.played) - played
        ordered = [rows[file] for file in sorted(rows)]
        return Imported(shown, ordered, self._undefined(), unset, self._differs, self._defined)

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _of_module(self, module: Module, around: Around) -> FileRow:
        if module.asked is None:
            return FileRow(module.file, "services", failed=[module.wrong])
        self._differs |= differing(module.asked)
        if module.is_helper:
            return FileRow(module.file, "helper", lacks=lacks(module.asked, around, {}))
        try:
            deployed = loading.load_module(self._drafting, module.path, self._replace, module.name)
        except WorkbenchError as exc:
            lacking = lacks(module.asked, around, {})
            return FileRow(module.file, "services", failed=[_ended(f"{module.file}: {exc}")], lacks=lacking)
        except (Exception, SystemExit) as exc:
            lacking = lacks(module.asked, around, {})
            line, where = self._place(module, exc)
            known = [each.sentence for each in lacking if each.line == line and isinstance(exc, ImportError)]
            rest = [each for each in lacking if each.sentence not in known]
            failed = [f"{where}: {each}" for each in known] or [_ended(f"{where}: {_words(exc)}")]
            return FileRow(module.file, "services", failed=failed, lacks=rest)
        versions = [*dict(deployed.versions), *deployed.waiting]
        names = [version.name for version in versions]
        self._versions += names
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

    def _of_definitions(self, paths: Sequence[Path]) -> dict[str, FileRow]:
        rows: dict[str, FileRow] = {}
        for path in paths:
            if not has_definitions(path):
                file = self._shown(path)
                rows[file] = FileRow(file, "left out", notes=[f"{file} has no section of definitions; it is left out."])
        read = {path: self._read(path) for path in paths if self._shown(path) not in rows}
        roots = [(path, read[path]) for path in _roots(read)]
        every = [item for _, manifest in roots for item in manifest.items]
        # Once each, though several include its file.
        items = list(
            {(each.file, each.definition.collection, each.definition.full_name): each for each in every}.values()
        )
        wrong = {str(each) for _, manifest in roots for each in manifest.mistakes}
        applying, failed = Applying(self._parts, self._drafting), list[str]()
        # What names one that is left out is left out, too.
        while found := applying.dangling(items):
            failed += [str(mistake) for _, mistake in found]
            items = [each for each in items if all(each is not item for item, _ in found)]
        self._differs |= {name for each in items for name in _differing(each)}
        brought = self._define(items, failed)
        said = {each for _, manifest in roots for each in manifest.said}
        for file in (each for _, manifest in roots for each in manifest.files.values()):
            failures = [each for each in (*sorted(wrong), *failed) if each.startswith((f"{file}:", f"{file} "))]
            notes = [each for each in sorted(said) if each.startswith(f"{file}:")]
            rows[file] = FileRow(file, "definitions", brought.get(file, ()), failures, notes=notes)
        return rows

    def _read(self, path: Path) -> Manifest:
        secrets = self._parts.secrets
        return readable_of(path, self._shown(path), secrets.variable, secrets.is_usable)

    def _define(self, items: Sequence[Item], failed: list[str]) -> dict[str, list[str]]:
        """Put definitions into force, what others name first; gives those of each file, in words."""
        brought: dict[str, list[str]] = {}
        order = self._parts.book.row_of
        ordered = sorted(items, key=lambda each: order(each.definition).order)
        for (_, file), group in groupby(ordered, key=lambda each: (order(each.definition).order, each.file)):
            for item in self._in_force(list(group), file, failed):
                brought.setdefault(file, []).append(f"{type(item.definition).__name__} {item.definition.full_name!r}")
        return brought

    def _in_force(self, items: list[Item], file: str, failed: list[str]) -> Iterator[Item]:
        """Those that are in force now: all of them, or each that can be."""
        origin = Origin("file", file=file_name(self._folder / file), loaded=True)
        try:
            given = [each.definition for each in items]
            self._defined.append(self._drafting.define(given, replace=self._replace, origin=origin))
            yield from items
        except WorkbenchError as exc:
            if len(items) == 1:
                failed.append(_ended(f"{items[0].file}:{items[0].line}: {exc}"))
                return
            for each in items:
                yield from self._in_force([each], file, failed)

    def _undefined(self) -> dict[str, list[str]]:
        """Connections that services of the folder name and nobody defines."""
        found: dict[str, list[str]] = {}
        for name in self._versions:
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


def _differing(item: Item) -> Iterator[str]:
    """Names of the rows of differences that are about what a definition says."""
    definition = item.definition
    if type(definition).__name__ == "CronJob":
        yield "cron jobs"
    if getattr(definition, "extra", None) and definition.collection == "jobs":
        yield "a job's extra"
    if getattr(definition, "limit", ""):
        yield "limits"
    if item.lines.get("data_format") and getattr(definition, "data_format", "") == "json":
        yield "a text answer of a JSON channel"


def _ended(said: str) -> str:
    """A sentence with what to do."""
    return said if "Fix:" in said else f"{said.rstrip('.')}. Fix: correct that; all other files are live without it."


def _roots(read: dict[Path, Manifest]) -> list[Path]:
    """The files that no other one includes; of a circle, its first."""
    included = {each for path, manifest in read.items() for each in manifest.files.keys() - {path.resolve()}}
    roots = [path for path in read if path.resolve() not in included]
    reached = {each for path in roots for each in read[path].files}
    for path in read:
        if path.resolve() not in reached:
            roots.append(path)
            reached.update(read[path].files)
    return roots


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


def _forget_changed(modules: Modules) -> None:
    """Have modules imported anew, if one of them that an earlier import of this folder brought has changed since."""
    noted = [(name, was, now) for name, now in _helpers(modules) if (was := getattr(sys.modules[name], _READ, ""))]
    if any(was != now for _, was, now in noted):
        for name, _, _ in noted:
            sys.modules.pop(name, None)
