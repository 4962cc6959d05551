"""Rules of SimpleIO in configuration: `[simple_io.int]` of `workbench.toml`, `[int]` of `simple-io.conf`.

    [simple_io.int]
    suffix = ["_count", "_number"]        # in place of the suffixes that are there without it; [] is none

A key that nobody sets stays as it is by default. Zato's file writes several names with commas between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.core.errors import listed, nearest, short
from workbench.core.payload.rules import RULES, Names, Rules


def names_in(value: Any) -> tuple[str, ...] | None:
    """One or several names, as a list or with commas; None for what is neither."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(each, str) and "," not in each for each in names):
        return None
    return tuple(each.strip() for each in names if each.strip())


def ruled(tables: Mapping[str, Any]) -> dict[str, str]:
    """The rules that tables set, as `int.suffix`: names with commas. What has no effect is passed over."""
    return {
        f"{kind}.{key}": ", ".join(names)
        for kind, table in tables.items()
        if kind in RULES and isinstance(table, Mapping)
        for key, value in table.items()
        if key in Names._fields and (names := names_in(value)) is not None
    }


def rules_of(said: Mapping[str, str]) -> Rules:
    """The rules in force, where `said` has those that somebody has set, as `int.suffix`."""
    own: dict[str, dict[str, tuple[str, ...]]] = {kind: {} for kind in RULES}
    for name, value in said.items():
        kind, _, key = name.partition(".")
        own[kind][key] = names_in(value) or ()
    return {kind: names._replace(**own[kind]) for kind, names in RULES.items()}


def default_rule(name: str) -> str:
    """The names of a rule, as `int.suffix`, where nobody has set it; with commas."""
    kind, _, key = name.partition(".")
    return ", ".join(getattr(RULES[kind], key))


def with_defaults(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Tables in which every rule has its list of names, for who changes them in place."""
    rules, found = rules_of(ruled(tables)), dict(tables)
    for kind, names in rules.items():
        given = tables.get(kind)
        lists = {key: list(each) for key, each in names._asdict().items()}
        found[kind] = {**(given if isinstance(given, Mapping) else {}), **lists}
    return found


def problems(tables: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What can be no rule: its path in the tables, and what is wrong with it, as the rest of a sentence about it."""
    for kind, table in tables.items():
        if kind not in RULES:
            yield (kind,), f"is no type that a name can suggest; {_meant(kind, RULES)}"
        elif not isinstance(table, Mapping):
            yield (kind,), f"must be a table of {listed(Names._fields)}"
        else:
            yield from _problems_of(kind, table)


def _problems_of(kind: str, table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in table.items():
        if key not in Names._fields:
            yield (kind, key), f"is no rule; {_meant(key, Names._fields)}"
        elif names_in(value) is None:
            yield (kind, key), f'must be names, ["_count", "_size"], not {short(value)}'


def _meant(word: str, known: Any) -> str:
    close = nearest(word, known)
    return f"did you mean {close!r}" if close else f"there are {listed(known)}"
