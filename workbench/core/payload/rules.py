"""Which type a plain name in a SimpleIO declaration suggests: the rules of Zato's `simple-io.conf`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Names(NamedTuple):
    """Names of one type: in full, by how they begin, and by how they end."""

    exact: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()


Rules = Mapping[str, Names]
"""The names of each type, by `bool`, `int` and `secret`."""

RULES: Rules = {
    "bool": Names(prefix=("by_", "has_", "is_", "may_", "needs_", "should_")),
    "int": Names(exact=("id",), suffix=("_count", "_id", "_size", "_size_min", "_size_max", "_timeout")),
    "secret": Names(
        exact=(
            "apiKey",
            "api_key",
            "auth_data",
            "auth_token",
            "password",
            "password1",
            "password2",
            "secret_key",
            "tls_pem_passphrase",
            "token",
            "xApiKey",
        )
    ),
}
"""The rules where nobody has set any. Source: simple-io.conf as Zato 3.2 writes it."""


def suggested(name: str, rules: Rules) -> str:
    """The type that a name suggests; '' for text.

    An exact name counts before any prefix, and that before any suffix; within each, in the order of the types.
    """
    for how in Names._fields:
        for kind, names in rules.items():
            if _fits(name, how, getattr(names, how)):
                return kind
    return ""


def _fits(name: str, how: str, wanted: tuple[str, ...]) -> bool:
    if how == "exact":
        return name in wanted
    return name.startswith(wanted) if how == "prefix" else name.endswith(wanted)
