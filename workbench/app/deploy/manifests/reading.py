"""Reads definitions of a file, or says all that is wrong in it: each mistake with its line and key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from os.path import normpath
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from workbench.app.deploy.manifests.enmasse.adapting import Adapting
from workbench.app.deploy.manifests.enmasse.sections import OTHERS, SECTIONS
from workbench.app.deploy.manifests.errors import Mistake, WrongManifest
from workbench.app.deploy.manifests.kinds import kinds
from workbench.app.deploy.manifests.tree import Node, NoYAML, noded, tree_of
from workbench.app.deploy.manifests.values import Environ, Unusable, read
from workbench.core.definition import Definition, field_types
from workbench.core.errors import InvalidDefinition, WorkbenchError, listed, nearest, short

IsSet = Callable[[str], bool]

MOST_BYTES = 2 << 20
"""Largest file; 10,000 jobs take 1.5 MB."""


class Item(NamedTuple):
    """A definition of a file, and the lines where it and each of its fields stand."""

    definition: Definition
    line: int
    lines: dict[str, int]
    file: str = ""


class Manifest(NamedTuple):
    """What a file says: its definitions, those of the files that it includes too, and what has no meaning here."""

    items: list[Item]
    said: list[str]
    mistakes: Sequence[Mistake] = ()
    """What is wrong in it, where what is right is read all the same."""
    files: Mapping[Path, str] = MappingProxyType({})
    """The files that were read, or cannot be: this one and those that it includes, each as mistakes call it."""


def manifest_of(path: Path, shown: str, environ: Environ, is_set: IsSet | None = None) -> Manifest:
    """What a file says, in its order.

    Args:
        path: YAML, or JSON: a list of definitions for each kind, or for each section of Zato's enmasse.
        shown: What mistakes call it.
        environ: What the environment has for a name; None for what is not set.
        is_set: Whether a secret of a name is set, or a stand-in plays it; as `environ` says if not given.

    Raises:
        WrongManifest: All that is wrong in it.
    """
    reading = _Reading(shown, environ, is_set)
    return reading.manifest(reading.of_file(path, shown))


def readable_of(path: Path, shown: str, environ: Environ, is_set: IsSet) -> Manifest:
    """What is right in a file, in its order, and all that is wrong; see `manifest_of`."""
    reading = _Reading(shown, environ, is_set)
    items = reading.of_file(path, shown)
    return Manifest(items, reading.said, reading.mistakes, reading.files)


def has_definitions(path: Path) -> bool:
    """Whether a file says that it holds definitions: one of its keys is a kind, a section, or `include`.

    Of a file that cannot be read nobody knows, so that its reading says what is wrong.
    """
    try:
        tree = _tree(text_of(path, path.name), path.name, is_json=path.suffix == ".json")
    except WrongManifest:
        return True
    known = {"include", *kinds(), *SECTIONS, *OTHERS}
    return isinstance(tree.value, dict) and not known.isdisjoint(tree.value)


def manifest_in(text: str, name: str, folder: Path, environ: Environ, is_set: IsSet | None = None) -> Manifest:
    """What a text says that is in no file, as a cell; files that it includes are sought in a folder."""
    reading = _Reading(name, environ, is_set)
    return reading.manifest(reading.of_text(text, folder / name, name))


def text_of(path: Path, file: str) -> str:
    """The text of a file.

    Raises:
        WrongManifest: It is not there, too large, or no UTF-8 text.
    """
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            fix = "keep definitions in it and no data, or write several files."
            raise WrongManifest(
                [Mistake(file, 0, f"the file has {size:,} bytes of at most {MOST_BYTES:,}. Fix: {fix}")]
            )
        return path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        said = str(exc.strerror).lower()
        raise WrongManifest([Mistake(file, 0, f"the file cannot be read: {said}. Fix: correct the path.")]) from None
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        said = f"the file is no UTF-8 text: byte {exc.start:,}. Fix: save it as UTF-8."
        raise WrongManifest([Mistake(file, line, said)]) from None


def items_in(tree: Node, file: str, environ: Environ) -> list[Item]:
    """The definitions of a tree; raises WrongManifest."""
    reading = _Reading(file, environ)
    return reading.manifest(list(reading.items(tree))).items


class _Reading:
    """One reading of a file and of those that it includes, which collects what is wrong."""

    def __init__(self, file: str, environ: Environ, is_set: IsSet | None = None) -> None:
        self.file, self.mistakes, self.said = file, list[Mistake](), list[str]()
        self._environ, self._kinds = environ, kinds()
        self._first: dict[tuple[str, str], Item] = {}
        self.files = dict[Path, str]()
        is_set = is_set or (lambda name: environ(name) is not None)
        self._adapting = Adapting(is_set, self._mistake, self._note)

    def manifest(self, items: list[Item]) -> Manifest:
        """What was read, if nothing is wrong; raises WrongManifest."""
        if self.mistakes:
            raise WrongManifest(self.mistakes)
        return Manifest(items, self.said)

    def of_file(self, path: Path, shown: str) -> list[Item]:
        """The definitions of a file; those of files that it includes come first."""
        try:
            text = text_of(path, shown)
        except WrongManifest as exc:
            self.files[path.resolve()] = shown
            self.mistakes += exc.mistakes
            return []
        return self.of_text(text, path, shown)

    def of_text(self, text: str, path: Path, shown: str) -> list[Item]:
        """The definitions of the text of a file."""
        self.file = shown
        self.files[path.resolve()] = shown
        try:
            tree = _tree(text, shown, is_json=path.suffix == ".json")
        except WrongManifest as exc:
            self.mistakes += exc.mistakes
            return []
        included = tree.value.pop("include", None) if isinstance(tree.value, dict) else None
        found = []
        if included is not None and not isinstance(included.value, list | None):
            self._mistake(included.line, "include holds no list. Fix: write each file as '- its/path.yaml'.")
        elif included is not None:
            for each in included.value or []:
                found += self._included(path, shown, each)
                self.file = shown
        return [*found, *self.items(tree)]

    def _included(self, path: Path, shown: str, node: Node) -> list[Item]:
        other = path.parent / str(node.value)
        if not other.is_file():
            self._mistake(node.line, f"include names {short(node.value)}, which is no file. Fix: correct the path.")
        elif other.resolve() in self.files:
            self._mistake(node.line, f"include names {short(node.value)}, which is read already. Fix: include it once.")
        else:
            name = str(Path(shown).parent / str(node.value))
            # As 'a/../b.yaml' is b.yaml, unless `a` is a link to a folder elsewhere.
            is_beside = Path(normpath(other)).resolve() == other.resolve()
            return self.of_file(other, normpath(name) if is_beside else name)
        return []

    def items(self, tree: Node) -> Iterator[Item]:
        """Each definition that is valid."""
        if tree.value is None:
            return
        if not isinstance(tree.value, dict):
            self._mistake(
                tree.line, "the file is no mapping. Fix: write kinds as its keys, as RESTChannel: and a list."
            )
            return
        for kind, node in tree.value.items():
            nodes = node.value or []
            if kind in OTHERS:
                count = len(nodes) if isinstance(nodes, list) else 1
                what = "its definition is" if count == 1 else f"its {count} definitions are"
                self._note(node.line, f"{kind} is not understood here, and {what} left out.")
            elif kind not in self._kinds and kind not in SECTIONS:
                close = nearest(kind, [*self._kinds, *SECTIONS])
                fix = f"write {close}." if close else f"take one of {listed(self._kinds, at_most=40)}."
                self._mistake(node.line, f"{short(kind)} is no kind of definition. Fix: {fix}")
            elif not isinstance(nodes, list):
                self._mistake(node.line, f"{kind} holds no list. Fix: begin each definition with '- name:'.")
            elif kind in SECTIONS:
                for each in self._mappings(kind, nodes):
                    yield from self._of_section(kind, each)
            else:
                yield from self._of_kind(kind, nodes)

    def _of_section(self, name: str, node: Node) -> list[Item]:
        """The definition that an entry of a section stands for, if nothing is wrong with it."""
        before = len(self.mistakes)
        adapted = self._adapting.adapted(name, node)
        items = list(self._of_kind(adapted[0], [adapted[1]])) if adapted is not None else []
        return items if len(self.mistakes) == before else []

    def _mappings(self, kind: str, nodes: list[Node]) -> Iterator[Node]:
        for node in nodes:
            if isinstance(node.value, dict):
                yield node
            else:
                said = f"a {kind} is no mapping of fields here. Fix: write '- name: ...' and a line for each field."
                self._mistake(node.line, said)

    def _of_kind(self, kind: str, nodes: list[Node]) -> Iterator[Item]:
        try:
            cls = self._kinds[kind]()
        except WorkbenchError as exc:  # of another distribution, and broken
            self._mistake(nodes[0].line if nodes else 0, str(exc))
            return
        for node in self._mappings(kind, nodes):
            if (definition := self._made(cls, node)) is None:
                continue
            item = Item(definition, node.line, {key: each.line for key, each in node.value.items()}, self.file)
            if self._is_new(item):
                yield item

    def _made(self, cls: type[Definition], node: Node) -> Definition | None:
        """The definition that a mapping of fields stands for; None if something is wrong with it."""
        types, given, before = field_types(cls), dict[str, Any](), len(self.mistakes)
        name = node.value["name"].value if "name" in node.value else "?"
        of = f"{cls.__name__} {short(name)}"
        for field, each in node.value.items():
            try:
                given[field] = read(each.plain, types[field], self._environ) if field in types else each.plain
            except Unusable as exc:
                self._mistake(each.line, f"{field} of {of} {exc}")
        unusable = node.value.keys() - given.keys()
        try:
            made = cls(**given)
        except InvalidDefinition as exc:
            for field, problem in exc.problems.items():
                if field not in unusable:
                    line = node.value[field].line if field in node.value else node.line
                    self._mistake(line, _sentence(cls, of, field, problem))
            return None
        return made if len(self.mistakes) == before else None

    def _is_new(self, item: Item) -> bool:
        first = self._first.setdefault((item.definition.collection, item.definition.full_name), item)
        if first is not item:
            name, where = short(item.definition.full_name), f"{first.file}, " if first.file != item.file else ""
            there = f"{type(first.definition).__name__} {name} has that name at {where}line {first.line}"
            what = f"{type(item.definition).__name__} {name} is there twice"
            self._mistake(item.line, f"{what}: {there}. Fix: rename or remove one.")
        return first is item

    def _mistake(self, line: int, sentence: str) -> None:
        self.mistakes.append(Mistake(self.file, line, sentence))

    def _note(self, line: int, sentence: str) -> None:
        self.said.append(str(Mistake(self.file, line, sentence)))


def _tree(text: str, file: str, *, is_json: bool) -> Node:
    """The tree of a text; of JSON that is no YAML, as where it writes an emoji as two escapes, without lines."""
    if not is_json:
        return tree_of(text, file)
    try:
        # Within JSON's texts there is none.
        return tree_of(text.replace("\t", " "), file)
    except NoYAML:
        try:
            return noded(json.loads(text, object_pairs_hook=partial(_each_once, file)), 0)
        except (ValueError, RecursionError):
            pass
        raise


def _each_once(file: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping of JSON; raises WrongManifest for a key that is there twice."""
    found = dict[str, Any]()
    for key, value in pairs:
        if key in found:
            raise WrongManifest([Mistake(file, 0, f"the key {short(key)} is there twice. Fix: keep one of them.")])
        found[key] = value
    return found


def _sentence(cls: type[Definition], of: str, field: str, problem: str) -> str:
    if problem == "is missing":
        return f"{field} of {of} is missing. Fix: add {field}: and its value."
    if problem.startswith("is not a field; did you mean") and (close := nearest(field, cls.__struct_fields__)):
        return f"{field} of {of} is not a field. Fix: write {close}."
    fix = f"leave {field} out" if problem.startswith("is not a field") else f"correct {field}"
    return f"{field} of {of} {problem.rstrip('.?')}. Fix: {fix}."
