"""Whether anybody can click, and what the widgets need, imported before the first of them is shown."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

from workbench.app.configuration.settings import is_headless

if TYPE_CHECKING:
    from workbench.app.serving.attached import Attached
    from workbench.app.workbench import Workbench
    from workbench.ui.card import Saved
    from workbench.ui.desk import Desk
    from workbench.ui.views import Draw

VIEWS = "workbench.view"
"""The comm target by which the front end opens a view."""

log = logging.getLogger("workbench.ui")


def headless(shell: Any) -> bool:
    """Whether nobody can click what the running cell shows.

    So it is where WORKBENCH_HEADLESS says so, where the shell has no kernel that a front end talks to, and where the
    request that runs the cell does not name it: JupyterLab, Notebook and VS Code do (`cellId`), what runs notebooks
    from end to end (nbconvert, papermill, nbval) does not, and would save each card's code with the notebook.
    """
    return not _has_widgets(shell) or not running_cell(shell)


def _has_widgets(shell: Any) -> bool:
    """Whether a front end may show widgets of this kernel."""
    if is_headless():
        return False
    return getattr(getattr(shell, "kernel", None), "comm_manager", None) is not None


def running_cell(shell: Any) -> str:
    """The id of the cell that runs, as the front end calls it; '' where it does not say."""
    parent = getattr(shell, "parent_header", None) or {}
    return str(parent.get("metadata", {}).get("cellId") or "")


def prime(shell: Any) -> None:
    """Import the widgets beside the first cell, so that the first card does not wait for them."""
    if _has_widgets(shell):
        Thread(target=_import, name="workbench-ui-import", daemon=True).start()


def _import() -> None:
    try:
        import_module("workbench.ui.card")
    except Exception:
        log.exception("cards cannot be shown, since their widgets cannot be imported")


def show_card(shell: Any, wb: Workbench | Attached, draw: Draw, cell: str, saved: Saved) -> bool:
    """Show a card and what is saved of it; False on any trouble, so that what is saved can be shown alone.

    Args:
        shell: The shell that displays it.
        wb: The workbench, or another one that it is attached to.
        draw: What the card draws.
        cell: What tells the cell from others; empty if nobody knows. A card that it made before is taken down.
        saved: What is saved of the card.
    """
    try:
        from workbench.ui.card import show_card

        show_card(shell, wb, draw, cell, saved)
    except Exception:
        log.exception("no card is shown; what is saved of it still is")
        return False
    return True


def make_widget(shell: Any, wb: Workbench | Attached, draw: Draw, saved: Saved, text: str) -> Any:
    """A widget that a person puts where they like.

    Args:
        shell: The shell whose cell makes it; what the same cell made when it ran before is taken down.
        wb: The workbench.
        draw: What the widget draws.
        saved: What is saved of it where it is shown.
        text: The plain form.
    """
    from workbench.ui.desks import any_desk_of
    from workbench.ui.widget import LiveWidget, keep

    made = LiveWidget(any_desk_of(wb), draw, saved, text, shell.display_pub)
    run = (getattr(shell, "parent_header", None) or {}).get("header", {}).get("msg_id", "")
    keep(made, running_cell(shell), str(run))
    return made


def answer_views(shell: Any, desk: Callable[[], Desk]) -> Callable[[], None]:
    """Have the front end open views without a cell, as its side panel does; returns the call that ends it.

    Args:
        shell: The shell whose front end it is.
        desk: The desk that answers, asked for when a view is opened.
    """
    if not _has_widgets(shell):
        return lambda: None

    def opened(comm: Any, message: Mapping[str, Any]) -> None:
        from workbench.ui.carriers.comms import open_view

        open_view(desk(), comm, message["content"]["data"])

    comms = shell.kernel.comm_manager
    comms.register_target(VIEWS, opened)
    return lambda: comms.unregister_target(VIEWS, opened)


def made_anew(wb: Workbench) -> AbstractContextManager[None]:
    """While this lasts a workbench is made anew; cards and views go on with it, if there are any."""
    desks = sys.modules.get("workbench.ui.desks")
    return desks.made_anew(wb) if desks is not None else nullcontext()


def close_cards() -> None:
    """Take every card and view down, and what answers them, if there ever was one."""
    for module in ("workbench.ui.card", "workbench.ui.carriers.comms", "workbench.ui.widget", "workbench.ui.desks"):
        # A card that is just being imported, beside a first cell, has shown nothing.
        if (close := getattr(sys.modules.get(module), "close_all", None)) is not None:
            close()
