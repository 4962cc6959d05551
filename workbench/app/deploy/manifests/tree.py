"""YAML as a tree whose every value knows its line: plain data of the YAML 1.2 core schema, and nothing that runs.

PyYAML parses. What its loaders do beyond that is left out: tags that make objects, dates, `no` for False, keys that
are there twice, and anchors that grow without end.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, NoReturn

import yaml

from workbench.app.deploy.manifests.errors import Mistake, WrongManifest
from workbench.core.errors import short

MOST_VALUES = 500_000
"""Values of one file; those that an alias repeats count again."""

DEEPEST = 50
"""Lists and mappings within each other."""

_MERGE, _TEXT = "<<", "tag:yaml.org,2002:str"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Source: YAML 1.2.2, section 10.3.2, core schema.
_NULL = re.compile(r"~|null|Null|NULL|")
_FLAG = re.compile(r"true|True|TRUE|false|False|FALSE")
_WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_NUMBER = 100


class NoYAML(WrongManifest):
    """A text is no YAML at all."""


class Node(NamedTuple):
    """A value and the line where it, or its key, begins [from 1]: a scalar, a list of nodes, or nodes by key."""

    line: int
    value: Any

    @property
    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {key: each.plain for key, each in self.value.items()}
        return [each.plain for each in self.value] if isinstance(self.value, list) else self.value


def noded(value: Any, line: int) -> Node:
    """Plain data as nodes of one line."""
    if isinstance(value, dict):
        return Node(line, {str(key): noded(each, line) for key, each in value.items()})
    return Node(line, [noded(each, line) for each in value] if isinstance(value, list) else value)


def scalar(text: str) -> Any:
    """What a scalar without quotes stands for: None, a flag, a number, or text."""
    if _NULL.fullmatch(text):
        return None
    if _FLAG.fullmatch(text):
        return text[0] in "tT"
    if len(text) > _LONGEST_NUMBER:
        return text
    if _WHOLE.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _NUMBER.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def tree_of(text: str, file: str) -> Node:
    """The tree of a text; of an empty one, a node of None.

    Args:
        text: The text.
        file: What mistakes call it.

    Raises:
        NoYAML: It is no YAML.
        WrongManifest: It is none of this kind.
    """
    composing = _Composing(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composing.take(event)
    except yaml.MarkedYAMLError as exc:
        raise NoYAML([*composing.mistakes, _mistake_of(exc, text, file)]) from None
    except yaml.YAMLError as exc:
        what = " ".join(str(exc).split())
        mistake = Mistake(file, 0, f"the file is no YAML: {what}. Fix: save it as plain text.")
        raise NoYAML([*composing.mistakes, mistake]) from None
    if composing.mistakes:
        raise WrongManifest(composing.mistakes)
    return composing.root


def _mistake_of(error: yaml.MarkedYAMLError, text: str, file: str) -> Mistake:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 0
    written = text.splitlines()[line - 1 : line]
    if written and "\t" in written[0][: len(written[0]) - len(written[0].lstrip())]:
        return Mistake(file, line, "a tab indents this line, which YAML does not allow. Fix: indent it with spaces.")
    said = " ".join(filter(None, (error.context, error.problem)))
    return Mistake(file, line, f"the file is no YAML here: {said}. Fix: correct this line, or the one before it.")


class _Open:
    """A list or mapping whose end has not come: `size` counts its values, `depth` what is within each other."""

    def __init__(self, line: int, anchor: str | None, value: Any) -> None:
        self.line, self.anchor, self.value = line, anchor, value
        self.size, self.depth = 1, 1
        self.key: tuple[int, str, bool] | None = None
        self.merged: dict[str, Node] = {}


class _Composing:
    """Makes a tree of the parser's events."""

    def __init__(self, file: str) -> None:
        self.file, self.mistakes, self.root = file, list[Mistake](), Node(1, None)
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take one event; raises WrongManifest where going on makes no sense."""
        assert event.start_mark is not None
        line = event.start_mark.line + 1
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._refuse(line, "a second document begins here. Fix: give each document a file of its own.")
            case yaml.AliasEvent(anchor=name):
                self._alias(line, name)
            case yaml.ScalarEvent():
                self._check_tag(line, event.tag)
                is_plain = event.implicit[0] and event.tag is None
                self._add(Node(line, event.value), 1, 1, event.anchor, is_plain)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._check_tag(line, event.tag)
                self._open.append(_Open(line, event.anchor, [] if isinstance(event, yaml.SequenceStartEvent) else {}))
                if len(self._open) > DEEPEST:
                    self._refuse(line, f"lists and mappings are more than {DEEPEST} deep here. Fix: write it flat.")
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                ended = self._open.pop()
                value = ended.value if not ended.merged else ended.merged | ended.value
                self._add(Node(ended.line, value), ended.size, ended.depth, ended.anchor, False)

    def _alias(self, line: int, name: str | None) -> None:
        if any(each.anchor == name for each in self._open):
            self._refuse(line, f"*{name} is within what &{name} names, a cycle. Fix: write the value out.")
        if name is None or name not in self._anchors:
            self._refuse(
                line, f"*{name} names nothing above it. Fix: write &{name} before the value that it stands for."
            )
        node, size, depth = self._anchors[name]
        self._add(Node(line, node.value), size, depth, None, False)

    def _add(self, node: Node, size: int, depth: int, anchor: str | None, is_plain: bool) -> None:
        """Put a whole node where it belongs: a key, or the value of one, or an element, or the root."""
        inside = self._open[-1] if self._open else None
        if inside is not None and isinstance(inside.value, dict) and inside.key is None:
            self._key(inside, node, is_plain)
            return
        node = Node(node.line, scalar(node.value)) if is_plain else node
        if anchor is not None:
            self._anchors[anchor] = node, size, depth
        if inside is None:
            self.root = node
            return
        inside.size, inside.depth = inside.size + size, max(inside.depth, depth + 1)
        if inside.size > MOST_VALUES:
            self._refuse(node.line, f"aliases make more than {MOST_VALUES:,} values of it. Fix: write the values out.")
        if len(self._open) + depth > DEEPEST:
            self._refuse(node.line, f"lists and mappings are more than {DEEPEST} deep here. Fix: write it flat.")
        if isinstance(inside.value, list):
            inside.value.append(node)
            return
        assert inside.key is not None
        (line, key, merges), inside.key = inside.key, None
        if merges:
            self._merge(inside, node)
        elif (before := inside.value.get(key)) is not None:
            first = f"first at line {before.line}"
            self._mistake(line, f"the key {short(key)} is there twice, {first}. Fix: keep one of them.")
        else:
            inside.value[key] = Node(line, node.value)

    def _key(self, inside: _Open, node: Node, is_plain: bool) -> None:
        if not isinstance(node.value, str):
            self._refuse(node.line, "a list or mapping is a key here. Fix: write text as the key.")
        inside.key = node.line, node.value, is_plain and node.value == _MERGE

    def _merge(self, inside: _Open, node: Node) -> None:
        """Take the entries of `<<: *name`, which one's own go before."""
        for each in node.value if isinstance(node.value, list) else [node]:
            if not isinstance(each.value, dict):
                self._mistake(node.line, "<< takes a mapping, or a list of them. Fix: name the anchor of a mapping.")
                return
            inside.merged = each.value | inside.merged

    def _check_tag(self, line: int, tag: str | None) -> None:
        if tag not in (None, "!", _TEXT):
            said = str(tag).replace("tag:yaml.org,2002:", "!!")
            self._mistake(line, f"the tag {short(said)} is not understood. Fix: leave it out.")

    def _mistake(self, line: int, sentence: str) -> None:
        self.mistakes.append(Mistake(self.file, line, sentence))

    def _refuse(self, line: int, sentence: str) -> NoReturn:
        self._mistake(line, sentence)
        raise WrongManifest(self.mistakes)
