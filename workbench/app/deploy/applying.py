"""Files of definitions against what is in force: compared, applied, pruned, and written.

What a file sets is kept in the store as what a click made is, and gives way to code that defines the same. What code
defines already stays as code has it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from workbench.app.deploy.draft import Deployed
from workbench.app.deploy.drafting import Drafting
from workbench.app.deploy.manifests import writing
from workbench.app.deploy.manifests.comparing import Change, Compared, differing
from workbench.app.deploy.manifests.errors import Mistake, WrongManifest
from workbench.app.deploy.manifests.kinds import kind_of
from workbench.app.deploy.manifests.reading import Item, Manifest, items_in, manifest_in, manifest_of
from workbench.app.deploy.manifests.tree import Node, NoYAML, tree_of
from workbench.app.deploy.manifests.values import takes_text_alone
from workbench.app.origins import file_name
from workbench.app.parts import Parts
from workbench.core.definition import Definition, Reference, field_types
from workbench.core.errors import DanglingReference, StillUsed, WorkbenchError, short
from workbench.core.masking import masked
from workbench.core.origin import Origin
from workbench.core.secret import Secret, given

FILES = (".yaml", ".yml", ".json")
"""What files of definitions end in."""

COMMAND = "workbench define"
"""What mistakes call the words of the command line."""


class Exported(NamedTuple):
    """Definitions as the text of a file, and a sentence for each thing that the text could not say."""

    text: str
    said: list[str]


class Applying:
    """Compares and applies files of definitions.

    Args:
        parts: The workbench's rooms.
        drafting: Puts definitions into force.
    """

    def __init__(self, parts: Parts, drafting: Drafting) -> None:
        self._parts, self._drafting = parts, drafting

    def read(self, path: Path, shown: str = "") -> Manifest:
        """What a file says, each definition naming only what is there or in the file itself.

        Raises:
            WrongManifest: All that is wrong in it.
        """
        secrets = self._parts.secrets
        found = manifest_of(path, shown or file_name(path), secrets.variable, secrets.is_usable)
        return Manifest(self.checked(found.items), found.said)

    def checked(self, items: list[Item]) -> list[Item]:
        """The same, if they name only what is there; raises WrongManifest."""
        if mistakes := [each for _, each in self.dangling(items)]:
            raise WrongManifest(mistakes)
        return items

    def dangling(self, items: Sequence[Item]) -> list[tuple[Item, Mistake]]:
        """Definitions that name what is neither there nor among them."""
        known: dict[str, set[str]] = {}
        for each in items:
            known.setdefault(each.definition.collection, set()).add(each.definition.name)
        for collection in {reference.collection for each in items for reference in each.definition.references()}:
            known.setdefault(collection, set()).update(self._parts.known(collection))
        return [
            (item, self._dangling(item, reference, known[reference.collection]))
            for item in items
            for reference in item.definition.references()
            if reference.name not in known[reference.collection]
        ]

    def _dangling(self, item: Item, reference: Reference, known: set[str]) -> Mistake:
        what, field = self._parts.book.singular(reference.collection), reference.field
        error = DanglingReference(str(item.definition), what, reference.name, sorted(known), field=field)
        sentence = f"{error} Fix: deploy or define it first, or correct {field}."
        return Mistake(item.file, item.lines.get(field, item.line), sentence)

    def changes(self, items: Sequence[Item], file: str) -> list[Change]:
        """What a file says otherwise; last, what it had once and has no longer.

        Args:
            items: Its definitions.
            file: Its name as origins have it.
        """
        found = [self._change(each) for each in items]
        there = {(each.definition.collection, each.definition.full_name) for each in items}
        return found + [
            Change("gone", each.definition)
            for each in self._parts.clicks.values()
            if each.origin.applied
            and each.origin.file == file
            and (each.definition.collection, each.definition.full_name) not in there
        ]

    def _change(self, item: Item) -> Change:
        definition, book = item.definition, self._parts.book
        before = book.of(definition.collection).get(definition.full_name)
        if before is None:
            return Change("new", definition, item.line)
        if before == definition:
            return Change("unchanged", definition, item.line)
        origin = book.origin(definition.collection, definition.full_name)
        fields = differing(before, definition)
        # What a click changed of a cell's is still the cell's.
        if origin is not None and (not origin.is_kept or self._drafting.in_code(before) is not before):
            return Change("stays", definition, item.line, fields, str(origin))
        return Change("changed", definition, item.line, fields)

    def diff(self, path: Path, shown: str = "") -> Compared:
        """What a file says otherwise than what is in force; raises WrongManifest."""
        with self._drafting.lock:
            found = self.read(path, shown)
            return Compared(self.changes(found.items, file_name(path)), found.said)

    def apply(self, path: Path, shown: str = "", *, prune: bool = False) -> Compared:
        """Put what a file says into force, all or none, but for what code has; gives what was changed.

        Args:
            path: The file.
            shown: What mistakes call it; its path if unset.
            prune: Whether what the file had once, and has no longer, is removed.

        Raises:
            WrongManifest: The file is not valid, or names what is not there; nothing was changed.
            WorkbenchError: What else keeps a definition out of force, as a path that is taken; nothing was changed.
        """
        with self._drafting.lock:
            file, found = file_name(path), self.read(path, shown)
            changes = self.changes(found.items, file)
            self.put(changes, Origin("file", file=file, applied=True))
            if prune:
                self._prune([each.definition for each in changes if each.word == "gone"])
                changes = [each._replace(word="removed") if each.word == "gone" else each for each in changes]
            return Compared(changes, found.said)

    def define(self, kind: str, name: str, fields: Mapping[str, str]) -> list[Change]:
        """Put one definition of the command line into force, its fields written as a file has them; see `apply`.

        Raises:
            UnknownName: There is no such kind.
        """
        if "name" in fields:
            said = f"the key 'name' is there twice, first as {short(name)}. Fix: leave name= out."
            raise WrongManifest([Mistake(COMMAND, 0, said)])
        types = field_types(kind_of(kind))
        given = {"name": Node(0, name)} | {
            field: _typed(text, field, types.get(field)) for field, text in fields.items()
        }
        tree = Node(0, {kind: Node(0, [Node(0, given)])})
        with self._drafting.lock:
            items = self.checked(items_in(tree, COMMAND, self._parts.secrets.variable))
            changes = [self._change(each) for each in items]
            self.put(changes, Origin("command line", applied=True))
            return changes

    def of_cell(self, text: str, name: str, folder: Path) -> None:
        """Put what a cell says into force as its code would, and tell what has no meaning here.

        Raises:
            WrongManifest: The text is not valid, or names what is not there; nothing was changed.
        """
        secrets = self._parts.secrets
        found = manifest_in(text, name, folder, secrets.variable, secrets.is_usable)
        self._drafting.define([each.definition for each in self.checked(found.items)], notes=found.said)

    def load(self, path: Path, *, replace: bool = False, name: str = "") -> Deployed:
        """Put what a file says into force as code that loads it: it is the file's, and not kept in the store.

        Args:
            path: The file.
            replace: Whether what another file has defined may be replaced.
            name: What it is called by what it defines; its path from here if unset.

        Raises:
            WrongManifest: The file is not valid, or names what is not there; nothing was changed.
            NameTaken: Another owner defines one of its names.
        """
        found = self.read(path)
        definitions = [each.definition for each in found.items]
        origin = Origin("file", file=name or file_name(path), loaded=True)
        self._drafting.define(definitions, replace=replace, origin=origin, notes=found.said)
        return Deployed([], definitions, {}, found.said)

    def put(self, changes: Sequence[Change], origin: Origin) -> None:
        """Put new and changed definitions into force, and note of equal ones that this origin has them now."""
        book = self._parts.book
        mine = []
        for each in changes:
            was = book.origin(each.definition.collection, each.definition.full_name)
            is_others = was is not None and was.is_kept and (was.applied, was.file) != (True, origin.file)
            if each.word in ("new", "changed") or (each.word == "unchanged" and is_others):
                mine.append(each.definition)
        if mine:
            self._drafting.define(mine, origin=origin)

    def _prune(self, gone: Sequence[Definition]) -> None:
        """Remove what the file has no longer, what names others first."""
        rows = self._parts.book.rows
        for each in sorted(gone, key=lambda each: rows[each.collection].order, reverse=True):
            try:
                self._parts.clicks.remove(f"{rows[each.collection].word} {each.full_name}")
            except StillUsed as exc:
                raise WorkbenchError(f"The file is applied, but not all that it lacks is removed. {exc}") from exc

    def export(self, about: str, form: writing.Form = "workbench") -> Exported:
        """Every definition in force, as a file, which begins with what it could not say."""
        named, said = with_named_secrets(self._parts.book)
        first = "\n# ".join(each for each in (about, *said) if each)
        return Exported(str(masked(writing.text_of(named, first, form))), said)


def _typed(text: str, field: str, kind: Any) -> Node:
    """A field as it is typed: as in a file, but that text which is no YAML needs no quotes, as `*/5 * * * *`."""
    try:
        return tree_of(text, f"{COMMAND}, {field}")._replace(line=0)
    except NoYAML:
        if takes_text_alone(kind):
            return Node(0, text)
        raise


def with_named_secrets(definitions: Iterable[Definition]) -> tuple[list[Definition], list[str]]:
    """Definitions whose secrets all have names that a person can set, and a sentence for each that it made up."""
    definitions = list(definitions)
    said, made = list[str](), dict[str, str]()
    used = {name for each in definitions for field in each.__struct_fields__ for name in _secrets(getattr(each, field))}

    def name(definition: Definition, field: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: name(definition, f"{field} {key}", each) for key, each in value.items()}
        # A value that was given as plain text has no name that anybody could set.
        if not isinstance(value, Secret) or given(value.name) is None or value.name.isidentifier():
            return value
        if value.name not in made:
            made[value.name] = _free(f"{definition.name}_{field}", {*used, *made.values()})
            fix = f"set {made[value.name]} where the file is applied."
            said.append(f"{field} of {definition} was given as plain text. Fix: {fix}")
        return Secret(made[value.name], value.prefix)

    def named(definition: Definition) -> Definition:
        before = {field: getattr(definition, field) for field in definition.__struct_fields__}
        after = {field: name(definition, field, value) for field, value in before.items()}
        changed = {field: value for field, value in after.items() if value != before[field]}
        return definition.replace(**changed) if changed else definition

    return [named(each) for each in definitions], said


def _secrets(value: Any) -> Iterator[str]:
    """Names of the secrets in a field."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _secrets(each)
    elif isinstance(value, Secret):
        yield value.name


def _free(wanted: str, taken: Collection[str]) -> str:
    """A variable's name that is made of a text, and no other one's."""
    made = re.sub(r"\W+", "_", wanted).strip("_").upper()
    return next(each for each in (made, *(f"{made}_{i}" for i in range(2, len(taken) + 3))) if each not in taken)
