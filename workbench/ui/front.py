"""Whether anybody can click, and what the widgets need, imported before the first of them is shown."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.app.workbench import Workbench
    from workbench.core.definition import Definition
    from workbench.sandbox.peer import Peer

log = logging.getLogger("workbench.ui")


def headless(shell: Any) -> bool:
    """Whether nobody can click: WORKBENCH_HEADLESS says so, or the shell has no kernel that a front end talks to."""
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


def services_card(shell: Any, wb: Workbench, names: Sequence[str], notes: Sequence[str], cell: str) -> dict[str, Any]:
    """A card with a row for each service that a cell has deployed, and the notes below them."""
    return _shown(shell, wb, lambda: views().services(names, notes), cell) if names else {}


def jobs_card(shell: Any, wb: Workbench, names: Sequence[str] | None = None) -> dict[str, Any]:
    """A card with a row for each of these jobs, or for every job there is."""
    return _shown(shell, wb, lambda: views().jobs(names)) if wb.has_jobs else {}


def definitions_card(shell: Any, wb: Workbench, shown: Sequence[Definition], notes: Sequence[str]) -> dict[str, Any]:
    """A card with a row for each of these connections and channels, and the notes below them."""
    return _shown(shell, wb, lambda: views().definitions(shown, notes)) if shown else {}


def clicked_card(shell: Any, wb: Workbench, notes: Sequence[str] = ()) -> dict[str, Any]:
    """A card with a row for each definition that was made by click and is in no cell, and the notes below them."""
    return _shown(shell, wb, lambda: views().clicked(notes))


def question_card(shell: Any, wb: Workbench) -> dict[str, Any]:
    """A card that asks whether this notebook may call the outside, until it is answered."""
    return _shown(shell, wb, lambda: views().question)


def panel_card(shell: Any, wb: Workbench) -> dict[str, Any]:
    """A card with everything there is."""
    return _shown(shell, wb, lambda: views().everything)


def peer_card(shell: Any, wb: Workbench, name: str, peer: Peer, html: Callable[[Any], str]) -> dict[str, Any]:
    """A card that shows what arrives at a peer as it arrives, and takes files for it."""
    return _shown(shell, wb, lambda: views().peer(name, peer, html))


def views() -> Any:
    """What cards show; it needs the widgets' libraries."""
    return import_module("workbench.ui.views")


def _shown(shell: Any, wb: Workbench, draw: Callable[[], Any], cell: str = "") -> dict[str, Any]:
    """The MIME bundle of a card; empty where nobody can click, or on any trouble.

    Args:
        shell: The shell that displays it.
        wb: The workbench.
        draw: Gives what the card draws.
        cell: What tells the cell from others; empty if nobody knows. A card that it made before is taken down.
    """
    if headless(shell):
        return {}
    try:
        from workbench.ui.card import show_card

        return show_card(wb, draw(), cell)
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
