"""The rows of the tab *Settings*: each with its value and where it came from; port and folder with how they change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.app.workbench import Workbench

_KEEP = "Set WORKBENCH_PORT in the environment or in .env, and restart the kernel, to have it each time."


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


def _port(wb: Workbench, told: str, came: str) -> dict[str, Any]:
    """The port that the server has; it may differ from what was told, where that is any or was held."""
    now = wb.url.rpartition(":")[2]
    if not now:
        return {
            "value": told,
            "change": {
                "code": "wb.start(port=8080)",
                "words": f"The server is stopped: it starts at this port. {_KEEP}",
            },
        }
    if wb.ports.by_hand:
        came = "wb.start"
    elif wb.ports.elsewhere:
        came = f"{came}: {wb.ports.elsewhere}"
    words = f"The server stops and starts again, at another address; calls in flight are cut. {_KEEP}"
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
