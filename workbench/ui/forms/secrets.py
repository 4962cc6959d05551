"""Secrets that are typed into a form: named after the definition, kept in `.env` or the keyring, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

from workbench.app.configuration.secrets import ENV_FILE, FoundSecrets
from workbench.core.definition import Definition
from workbench.core.masking import learn
from workbench.ui.forms.fields import fields_of
from workbench.ui.forms.reading import Problems


class Typed(NamedTuple):
    """A value that was typed, to be kept when the form is saved; one that is only checked has none."""

    name: str
    value: str
    place: str

    def __repr__(self) -> str:
        return f"Typed({self.name!r})"


class Taken(NamedTuple):
    """What a form holds, each secret by its name alone; what is to be kept; what is wrong, by field."""

    values: dict[str, Any]
    typed: list[Typed]
    problems: Problems


def learn_typed(message: Mapping[str, Any]) -> None:
    """Mask the values of secrets that a form sends, before anything is done with them."""
    values = message.get("values")
    for sent in values.values() if isinstance(values, Mapping) else ():
        if isinstance(sent, Mapping):
            learn(str(sent.get("value") or ""))


def take(
    cls: type[Definition], given: Mapping[str, Any], found: FoundSecrets, held: Mapping[str, Any] | None = None
) -> Taken:
    """Take the values of secrets out of what a form sent.

    Args:
        cls: The definition's class.
        given: What was typed, by field; of a secret its name, or `name`, `value` and `place` of a new one. While a
            person types, `typed` stands for the value.
        found: The secrets there are.
        held: What the form was opened with, by field.
    """
    values, typed, problems = dict(given), list[Typed](), Problems()
    for field in fields_of(cls):
        sent = given.get(field.name)
        if field.kind != "secret" or not isinstance(sent, Mapping):
            continue
        value, name = str(sent.get("value") or ""), str(sent.get("name") or "").strip()
        if value or sent.get("typed"):
            name = name or str((held or {}).get(field.name) or "") or free_name(given.get("name"), field.name, found)
            typed.append(Typed(name, value, str(sent.get("place") or ENV_FILE)))
            if found.is_fixed(name):
                problems[field.name] = f"is set as {name} in the environment, which has the last word; name another one"
        values[field.name] = name
    return Taken(values, typed, problems)


def free_name(owner: Any, field: str, found: FoundSecrets) -> str:
    """`MY_FTP_PASSWORD` for the password of `My FTP`; with a number where another secret has that name."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", f"{owner or ''}_{field}").strip("_").upper()
    name = f"_{words}" if words[:1].isdigit() else words
    return next(each for each in (name if n == 1 else f"{name}_{n}" for n in count(1)) if not found.has(each))
