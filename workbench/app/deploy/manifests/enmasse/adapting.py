"""An entry of an enmasse file as the fields of a definition here; what has no meaning here is told, never dropped."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from workbench.app.deploy.manifests.enmasse.sections import ANYWHERE, SECTIONS, Section
from workbench.app.deploy.manifests.kinds import kinds
from workbench.app.deploy.manifests.tree import Node, noded
from workbench.connections.rest.credentials import SENSITIVE
from workbench.core.definition import field_types, holds_secret
from workbench.core.errors import listed, short
from workbench.core.masking import MARK

Say = Callable[[int, str], None]

# Source: zato-cli 3.2 and 4, where a whole value names a variable.
_VARIABLE = re.compile(r"(?:Zato_Enmasse_Env\.|ZatoEnmasseEnv\.)(\w+)|\$\{(\w+)\}")
# Source: YAML 1.1, which Zato reads.
_FLAGS = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}


class Adapting:
    """Adapts the entries of one file.

    Args:
        is_set: Whether a secret is set, or a stand-in plays it.
        mistake: Told the line and the sentence of what is wrong.
        note: Told those of what has no meaning here.
    """

    def __init__(self, is_set: Callable[[str], bool], mistake: Say, note: Say) -> None:
        self._is_set, self._mistake, self._note, self._kinds = is_set, mistake, note, kinds()

    def adapted(self, name: str, node: Node) -> tuple[str, Node] | None:
        """The class that an entry is meant to be, and its fields; None if it is none here, which is told."""
        section = SECTIONS[name]
        of = f"{name} {short(node.value['name'].value if 'name' in node.value else '?')}"
        kind = self._kind(section, of, node)
        if kind is None:
            return None
        types = field_types(self._kinds[kind]())
        if _flag(_plain(node, "is_active")) is False and "active" not in types:
            self._note(node.line, f"{of} is not active, and left out.")
            return None
        if section.chosen_by == ("job_type",) and "is_active" not in node.value:
            self._note(node.line, f"{of} does not say is_active; it is active here, as Zato 4 would not have it.")
        fields: dict[str, Node] = {}
        for key, each in node.value.items():
            own, value = self._field(section, types, f"{key} of {of}", key, each)
            if key == "rate_limit_def" and _flag(_plain(node, "is_rate_limit_active")) is False:
                continue
            if own and value is not None:
                fields[own] = noded(value, each.line)
        return kind, Node(node.line, fields)

    def _kind(self, section: Section, of: str, node: Node) -> str | None:
        said = tuple(str(_plain(node, field) or "") for field in section.chosen_by)
        if said in section.kinds:
            return section.kinds[said]
        field, there = section.chosen_by[0], listed([each[0] for each in section.kinds])
        if not said[0]:
            self._mistake(node.line, f"{field} of {of} is missing. Fix: add it, as one of {there}.")
        else:
            line = node.value[field].line
            self._note(line, f"{of} is left out: {field} {short(said[0])} is not understood here, but {there}.")
        return None

    def _field(self, section: Section, types: dict[str, Any], what: str, key: str, node: Node) -> tuple[str, Any]:
        """The field that a key of Zato's is here, and its value; '' for none."""
        value = node.plain
        named = section.fields.get(key)
        own = named.own if named is not None and named.own in types else key
        if key in section.chosen_by or value is None or (value == "" and not _may_be_empty(types.get(own))):
            return "", None
        if own in types:
            filled = self._named(value)
            if holds_secret(types[own]):
                self._check_set(what, filled, node.line)
            if named is not None and named.own == own and not _names_variable(filled):
                filled = named.read(_flag(filled) if key == "use_ssl" else filled)
            return own, _flag(filled) if types[own] is bool or _is_flag(types[own]) else filled
        fixed = {**ANYWHERE, **section.fixed}
        if key not in fixed or (fixed[key] and _flag(value) not in fixed[key]):
            shown = short(str(_without_secrets({key: value})[key]))
            self._note(node.line, f"{what} is not understood here, and left out: {shown}.")
        return "", None

    def _named(self, value: Any) -> Any:
        """The value with variables as files of definitions name them."""
        if isinstance(value, dict):
            return {key: self._named(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._named(each) for each in value]
        found = _VARIABLE.fullmatch(value) if isinstance(value, str) else None
        return f"${{{found[1] or found[2]}}}" if found else value

    def _check_set(self, what: str, value: Any, line: int) -> None:
        """Say that a secret is not set; of any other variable, whoever reads its value does."""
        if (found := _VARIABLE.fullmatch(str(value))) and not self._is_set(found[2]):
            fix = f"set {found[2]} in the environment or .env."
            self._mistake(line, f"{what} names the variable {found[2]}, which is not set. Fix: {fix}")


def _without_secrets(value: Any) -> Any:
    """A value as it is told: what the file writes out of a secret is not."""
    if isinstance(value, dict):
        return {key: MARK if SENSITIVE.fullmatch(key) else _without_secrets(each) for key, each in value.items()}
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def _may_be_empty(kind: Any) -> bool:
    """Whether '' is a value of a field, and not Zato's word for none."""
    try:
        msgspec.convert("", kind)
    except (msgspec.ValidationError, TypeError):
        return False
    return not holds_secret(kind)


def _names_variable(value: Any) -> bool:
    return isinstance(value, str) and _VARIABLE.fullmatch(value) is not None


def _plain(node: Node, key: str) -> Any:
    return node.value[key].plain if key in node.value else None


def _flag(value: Any) -> Any:
    """Words that Zato reads as flags."""
    return _FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def _is_flag(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) is bool
