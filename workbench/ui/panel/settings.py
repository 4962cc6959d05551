"""The rows of the tab *Settings*: each with its value and where it came from; port and folder with how they change."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.app.workbench import Workbench
from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask
from workbench.ui.desk import Content, Desk, Tell

log = logging.getLogger("workbench.ui")

_KEEP = "Set WORKBENCH_PORT in the environment or in .env, and restart the kernel, to have it each time."
_KEEP_ANEW = "Set WORKBENCH_PORT in .env, or port in workbench.toml, and restart the workbench, to have it each time."
RESTART = (
    "Reads .env and workbench.toml again, and tells startup callables. Services, definitions and peers come back by "
    "themselves; calls in flight are cut, and traffic, log and counts of limits begin anew."
)
"""What a restart of the workbench does, beside the button that does it."""


def settings_facts(wb: Workbench) -> Sequence[dict[str, Any]]:
    """Every setting as its row shows it; `change` has the code and the words of those that a person often changes."""
    facts = [
        {
            **{"name": each.setting, "value": each.value, "from": each.came, "what": each.what},
            "editable": each.setting == "timezone",
        }
        for each in wb.settings.rows()
    ]
    port = next(each for each in facts if each["name"] == "port")
    port |= _port(wb, str(port["value"]), str(port["from"]))
    return [port, _folder(wb), *(each for each in facts if each is not port)]


def can_restart(wb: Workbench) -> bool:
    """Whether a click can start this workbench anew."""
    return wb.startup.restart_by_click is not None


def restart(desk: Desk, message: Content, tell: Tell) -> None:
    """Start the workbench anew once no cell runs, and tell what is back."""
    anew = desk.wb.startup.restart_by_click
    # Over HTTP the answer would be cut with the server.
    if anew is None or message.get("over_http"):
        raise WorkbenchError("No click starts this workbench anew. Fix: run wb.restart() in a cell, or serve it again.")

    def told(said: str | Exception) -> None:
        if isinstance(said, WorkbenchError):
            tell({"failed": mask(str(said))})
        elif isinstance(said, Exception):
            log.error("the workbench was not started anew", exc_info=said)
            tell({"failed": mask(f"{type(said).__name__}: {said}")})
        else:
            tell({"said": mask(said)})

    anew(told)


def _port(wb: Workbench, told: str, came: str) -> dict[str, Any]:
    """The port that the server has; it may differ from what was told, where that is any or was held."""
    now = wb.url.rpartition(":")[2]
    keep = _KEEP_ANEW if can_restart(wb) else _KEEP
    if not now:
        return {
            "value": told,
            "change": {
                "code": "wb.start(port=8080)",
                "words": f"The server is stopped: it starts at this port. {keep}",
            },
        }
    if wb.ports.by_hand:
        came = "wb.start"
    elif wb.ports.elsewhere:
        came = f"{came}: {wb.ports.elsewhere}"
    words = f"The server stops and starts again, at another address; calls in flight are cut. {keep}"
    return {"value": now, "from": came, "change": {"code": "wb.stop()\nwb.start(port=8080)", "words": words}}


def _folder(wb: Workbench) -> dict[str, Any]:
    """Where `.env` and the store are."""
    shown = {"name": "folder", "value": str(wb.folder), "editable": False}
    shown["what"] = "Where .env, the store and relative paths are."
    if wb.app.endswith((".ipynb", ".py")):
        words = "It is the folder of the notebook. Move the notebook, then restart the kernel."
        return shown | {"from": wb.app, "change": {"code": "", "words": words}}
    words = "It is chosen when the workbench is made."
    came = "default" if wb.folder == Path.cwd() else "argument"
    return shown | {"from": came, "change": {"code": 'Workbench(folder="/srv/orders")', "words": words}}
