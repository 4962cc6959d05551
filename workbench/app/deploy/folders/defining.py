"""Puts the files of definitions of a folder into force; a definition that fails stays alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from workbench.app.deploy.applying import Applying
from workbench.app.deploy.drafting import Drafting
from workbench.app.deploy.folders.imported import FileRow, ended
from workbench.app.deploy.folders.letting_go import Key, Names
from workbench.app.deploy.manifests.reading import Item, Manifest, has_definitions, readable_of
from workbench.app.parts import Parts
from workbench.app.reports import Defined
from workbench.core.errors import WorkbenchError
from workbench.core.origin import Origin


class Defining:
    """The files of definitions of one folder.

    Args:
        parts: The workbench's rooms.
        drafting: Puts definitions into force.
        folder: The folder.
        replace: Whether what another file has defined may be replaced.
        names: What files are called by what they define.

    Attributes:
        differs: Names of the rows of differences that are about what they say.
        defined: What was reported of them.
        kept: What each file has, by its name for origins; one with mistakes is left out.
    """

    def __init__(self, parts: Parts, drafting: Drafting, folder: Path, replace: bool, names: Names) -> None:
        self._parts, self._drafting, self._folder, self._replace, self._names = parts, drafting, folder, replace, names
        self.differs = set[str]()
        self.defined: list[Defined] = []
        self.kept: dict[str, set[Key]] = {}

    def rows(self, paths: Sequence[Path]) -> dict[str, FileRow]:
        """What becomes of each file."""
        files = {path: path.relative_to(self._folder).as_posix() for path in paths}
        without = [path for path in paths if not has_definitions(path)]
        rows = {file: _without(file) for file in map(files.__getitem__, without)}
        read = {path: self._read(path, file) for path, file in files.items() if file not in rows}
        roots = [read[path] for path in _roots(read)]
        every = [item for manifest in roots for item in manifest.items]
        wrong = {str(each) for manifest in roots for each in manifest.mistakes}
        failed = list[str]()
        brought = self._define(self._naming_what_is_there(every, failed), failed)
        said = {each for manifest in roots for each in manifest.said}
        for path, file in ((path, file) for manifest in roots for path, file in manifest.files.items()):
            failures = [each for each in (*sorted(wrong), *failed) if each.startswith((f"{file}:", f"{file} "))]
            notes = [each for each in sorted(said) if each.startswith(f"{file}:")]
            rows[file] = FileRow(file, "definitions", brought.get(file, ()), failures, notes=notes)
            if not any(each.startswith((f"{file}:", f"{file} ")) for each in wrong):
                self.kept[self._names[path]] = {_key(each) for each in every if each.file == file}
        self.kept |= {self._names[path]: set() for path in without}
        return rows

    def _read(self, path: Path, file: str) -> Manifest:
        secrets = self._parts.secrets
        return readable_of(path, file, secrets.variable, secrets.is_usable)

    def _naming_what_is_there(self, every: Sequence[Item], failed: list[str]) -> list[Item]:
        """Definitions, each once though several include its file, without those that name what is left out."""
        applying = Applying(self._parts, self._drafting)
        items = list({(each.file, *_key(each)): each for each in every}.values())
        while found := applying.dangling(items):
            failed += [str(mistake) for _, mistake in found]
            items = [each for each in items if all(each is not item for item, _ in found)]
        self.differs |= {name for each in items for name in _differing(each)}
        return items

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
        origin = Origin("file", file=self._names[self._folder / file], loaded=True)
        try:
            given = [each.definition for each in items]
            self.defined.append(self._drafting.define(given, replace=self._replace, origin=origin))
            yield from items
        except WorkbenchError as exc:
            if len(items) == 1:
                failed.append(ended(f"{items[0].file}:{items[0].line}: {exc}"))
                return
            for each in items:
                yield from self._in_force([each], file, failed)


def _without(file: str) -> FileRow:
    return FileRow(file, "left out", notes=[f"{file} has no section of definitions; it is left out."])


def _key(item: Item) -> Key:
    return item.definition.collection, item.definition.full_name


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
