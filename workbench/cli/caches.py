"""What `workbench cache` asks a running workbench, and how its answers read."""

from __future__ import annotations

from typing import Any

from workbench.app.serving.asking import ask
from workbench.app.serving.choosing import chosen
from workbench.cli.remote import payload_of
from workbench.core.errors import WorkbenchError


def asked(action: str, key: str, value: str | None, cache: str, expiry: float | None, app: str = "") -> Any:
    """What a running workbench answers about its caches.

    Args:
        action: `list`, `get`, `set` or `delete`.
        key, value: Of the entry; the value is read as JSON where it is JSON, else as text.
        cache: Its name; of `list`, empty lists the caches themselves.
        expiry: When the entry goes [s from now]; None never, or as it was.
        app: Which workbench; the only one if empty.

    Raises:
        WorkbenchError: No key is named, or no value for `set`.
        Refused: There is no such cache or key, or the cache does not take the value.
    """
    if action == "list":
        return ask(chosen(app), "POST", "/workbench/caches/list", {"cache": cache})
    if not key:
        raise WorkbenchError(f"No key is named. Fix: workbench cache {action} KEY; workbench cache list says which.")
    if action == "set" and value is None:
        raise WorkbenchError(f"No value is given. Fix: workbench cache set {key} VALUE.")
    sent = {"cache": cache or "default", "key": key, "expiry": expiry}
    if action == "set":
        sent["value"] = payload_of(str(value))
    return ask(chosen(app), "POST", f"/workbench/caches/{action}", sent)


def said(action: str, told: Any) -> str:
    """An answer in words."""
    if action == "list":
        return "\n".join(f"{each['name']}: {each['what']}" for each in told) or "Nothing is in it."
    return str(told["said"])
