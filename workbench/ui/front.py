"""Whether anybody can click, and what the widgets need, imported before the first of them is shown."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.app.workbench import Workbench

log = logging.getLogger("workbench.ui")


def headless(shell: Any) -> bool:
    """Whether nobody can click: a run that says so, or a shell without a kernel that front ends talk to."""
    if os.environ.get("WORKBENCH_HEADLESS", "") not in ("", "0"):
        return True
    return getattr(getattr(shell, "kernel", None), "comm_manager", None) is None


def prime(shell: Any) -> None:
    """Import the widgets beside the first cell, so that the first card does not wait for them."""
    if not headless(shell):
        Thread(target=_import, name="workbench-ui-import", daemon=True).start()


def _import() -> None:
    try:
        import_module("workbench.ui.card")
    except Exception:
        log.exception("cards cannot be shown, since their widgets cannot be imported")


def card_bundle(shell: Any, wb: Workbench, services: Sequence[str], notes: Sequence[str], cell: str) -> dict[str, Any]:
    """The MIME bundle of a card with a row for each service; empty where nobody can click, or on any trouble.

    Args:
        shell: The shell that displays it.
        wb: The workbench.
        services: Names of the services that a cell has deployed.
        notes: Further lines of the cell's output.
        cell: What tells the cell from others; empty if nobody knows. A card that it made before is taken down.
    """
    if not services or headless(shell):
        return {}
    try:
        from workbench.ui.card import show_card

        return show_card(wb, services, notes, cell)
    except Exception:
        log.exception("no card is shown; the line of text still is")
        return {}


def close_cards() -> None:
    """Take every card down, if there ever was one."""
    import sys

    card = sys.modules.get("workbench.ui.card")
    # A card that is just being imported, beside a first cell, has shown nothing.
    if (close := getattr(card, "close_cards", None)) is not None:
        close()
