"""What a forked child must forget: threads, locks and sockets that stay with its parent."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forgetful(Protocol):
    """Something that belongs to the process that made it."""

    def forget(self) -> None:
        """Begin anew in a forked child, and touch nothing that the parent still uses."""
        ...


_made: WeakSet[Forgetful] = WeakSet()


def forgets_when_forked(made: Forgetful) -> None:
    """Have `made` forget in every child that is forked from now on."""
    _made.add(made)


def _forget() -> None:
    for each in list(_made):
        each.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
