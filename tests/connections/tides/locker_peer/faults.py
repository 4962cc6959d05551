"""What can be wrong with a locker."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from workbench.sandbox.faults import Faults


class LockerFaults(Faults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with a locker."""

    full: Annotated[bool, Meta(description="Have no room for what arrives.")] = False
