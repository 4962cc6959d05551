"""What `workbench cache` asks a running workbench, and how its answers read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from typer import Argument, Option

from workbench.core.errors import WorkbenchError

Action = Literal["list", "get", "set", "delete"]


def cache(
    action: Annotated[Action, Argument(help="What to do.", show_default=False)],
    key: Annotated[str, Argument(help="The key; none for list.")] = "",
    value: Annotated[str | None, Argument(help="set: JSON, or else text.", show_default=False)] = None,
    cache: Annotated[str, Option("--cache", metavar="NAME", help="Which cache; list without it lists them all.")] = "",
    expiry: Annotated[float | None, Option(metavar="SECONDS", min=0, help="set: when it goes, from now.")] = None,
    app: Annotated[str, Option("--app", metavar="NAME", help="Which workbench; needed when several run.")] = "",
    as_json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> Any:
    """List the caches of a running workbench, or what is in one; get, set or delete a key."""
    told = asked(action, key, value, cache, expiry, app)
    return told if as_json else said(action, told)


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
    from workbench.app.serving.asking import ask
    from workbench.app.serving.choosing import chosen
    from workbench.cli.remote import payload_of

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
