"""Switches of components: which kinds of connection each turns off, and what one that nobody knows is told."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from workbench.connections import catalog
from workbench.connections.coming import COMING
from workbench.core.errors import WorkbenchError, listed, nearest

_OF_ZATO = ("cassandra", "ibm_mq", "invoke_matcher", "odoo", "search", "stats", "target_matcher")
"""Switches of Zato's server.conf that turn off nothing which is here. Source: zato/cli/create_server.py, 3.1-3.2."""


class ComponentOff(WorkbenchError):
    """A connection is of a kind that configuration has turned off."""

    def __init__(self, owner: str, switch: str, where: str) -> None:
        super().__init__(
            f"{owner} cannot be used, since {where} says component_enabled.{switch} = false. Fix: set it to true there."
        )


GROUPS: Mapping[str, tuple[str, ...]] = {"email": ("smtp", "imap"), "sms": ("twilio",)}
"""Switches that turn off several kinds, or one of another name."""


@cache
def switches() -> Mapping[str, tuple[str, ...]]:
    """The kinds of connection that each switch turns off, by its name."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys((*_OF_ZATO, *COMING), ())
    return {**found, **{kind: (kind,) for kind in catalog.rows()}, **GROUPS}


def unknown(switch: str) -> str:
    """What is said of a switch that nobody knows; '' for one that is known."""
    # First those that are known without a look at all installed distributions, which takes some 20 ms.
    if switch in (*_OF_ZATO, *COMING, *GROUPS) or any(switch == row.kind for row in catalog.ROWS):
        return ""
    if switch in switches():
        return ""
    close = nearest(switch, switches())
    meant = f"Fix: did you mean {close!r}?" if close else f"Fix: one of {listed(switches(), at_most=40)}."
    return f"No component is named {switch!r}, so it is kept and turns nothing off. {meant}"


def refuse_off(said: Mapping[str, Any], definition: Any) -> None:
    """Raise ComponentOff for a connection whose kind is off; `said` has each switch that somebody set."""
    kind = definition.__struct_config__.tag
    for switch, told in said.items():
        if told.value == "0" and kind in switches().get(switch, ()):
            raise ComponentOff(str(definition), switch, told.where)
