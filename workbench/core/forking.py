"""What a forked child must forget: threads, locks and sockets that stay with its parent; and when it must end."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Protocol
from weakref import WeakSet

from workbench.core.masking import mask


class Forgetful(Protocol):
    """Something that belongs to the process that made it."""

    def forget(self) -> None:
        """Begin anew in a forked child, and touch nothing that the parent still uses."""
        ...


def process() -> int:
    """Which process this is, as its depth in a line of forks: a child differs from its parent. No system call."""
    return _depth


def end_if_forked(born: int, error: BaseException | None = None) -> None:
    """End this process if it is a child that a service's code has forked and then left, by whatever way.

    It would go on as a second, idle server. Its status is what Python would give: that of SystemExit, 1 after another
    error, whose traceback it writes to standard error; else 0.

    Args:
        born: What `process()` said where the service was called.
        error: What its code raised.
    """
    if _depth == born:
        return
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        status = 1
        if sys.__stderr__ is not None:
            sys.__stderr__.write(mask("".join(traceback.format_exception(error))))
            sys.__stderr__.flush()
    os._exit(status & 0xFF)


_made: WeakSet[Forgetful] = WeakSet()
_depth = 0


def forgets_when_forked(made: Forgetful) -> None:
    """Have `made` forget in every child that is forked from now on."""
    _made.add(made)


def _forget() -> None:
    global _depth
    _depth += 1
    for each in list(_made):
        each.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
