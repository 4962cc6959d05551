"""The desk of each workbench, made when somebody first looks at it."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

from workbench.app.serving.attached import Attached
from workbench.app.workbench import Workbench
from workbench.ui.carriers.far import FarDesk
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.verbs import VERBS

_desks: WeakKeyDictionary[Workbench, Desk] = WeakKeyDictionary()
_far: dict[tuple[int, str], FarDesk] = {}
_lock = Lock()


def desk_of(wb: Workbench) -> Desk:
    """The desk of a workbench."""
    with _lock:
        if (desk := _desks.get(wb)) is None:
            # Before the workbench itself, which was there first: what was shown last stays.
            atexit.register(close_all)
            desk = _desks[wb] = Desk(wb, Courier(), VERBS)
        return desk


@contextmanager
def made_anew(wb: Workbench) -> Iterator[None]:
    """While this lasts a workbench is made anew; what shows it goes on, and shows the new one."""
    with _lock:
        desk = _desks.get(wb)
    if desk is None:
        yield
        return
    with desk.courier.drawing:
        desk.pause()
        try:
            yield
        finally:
            desk.follow()


def any_desk_of(shown: Workbench | Attached) -> Desk | FarDesk:
    """The desk of a workbench, or of one that is attached."""
    if isinstance(shown, Workbench):
        return desk_of(shown)
    with _lock:
        if (desk := _far.get(shown.process)) is None:
            desk = _far[shown.process] = FarDesk(shown, Courier())
        return desk


def close_all() -> None:
    """Close every desk."""
    with _lock:
        desks: list[Desk | FarDesk] = [*_desks.values(), *_far.values()]
        _desks.clear()
        _far.clear()
    for desk in desks:
        desk.close()
