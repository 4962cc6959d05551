"""`workbench services`, `channels`, `connections`, `users`, `limits` and `call`: what runs, and a request to it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal

from typer import Argument, Exit, Option

from workbench.core.errors import WorkbenchError

App = Annotated[str, Option("--app", metavar="NAME", help="Which workbench; needed when several run.")]
AsJSON = Annotated[bool, Option("--json", help="Print JSON.")]
Rows = list[dict[str, Any]]


def services(app: App = "", as_json: AsJSON = False) -> Any:
    """List the services of a running workbench, with their versions."""
    return _listed("services", app, as_json, lambda each: (each["name"], f"v{each['version']}", each["doc"]))


def channels(app: App = "", as_json: AsJSON = False) -> Any:
    """List the ways in of a running workbench: address, services, who may call, state."""
    return _listed("channels", app, as_json, _channel)


def _channel(row: dict[str, Any]) -> tuple[str, ...]:
    how = " ".join([*row["methods"], row["address"] or row["kind"]])
    who = f"only {row['user']}" if row["user"] else "anyone"
    return row["name"], how, ", ".join(row["services"]), who, row["state"]


def connections(
    action: Annotated[Literal["list", "ping"], Argument(help="What to do.")] = "list",
    name: Annotated[str, Argument(help="ping: the connection.")] = "",
    every: Annotated[bool, Option("--all", help="ping: every connection.")] = False,
    app: App = "",
    as_json: AsJSON = False,
) -> Any:
    """List the ways out of a running workbench, or ping them; 1 if one does not answer."""
    if action == "list":
        return _listed("connections", app, as_json, lambda each: (each["name"], each["kind"], _where(each)))
    if bool(name) == every:
        raise WorkbenchError("ping takes one connection, or all. Fix: workbench connections ping NAME, or ping --all.")
    from workbench.app.serving.asking import ask
    from workbench.app.serving.choosing import chosen

    rows = ask(chosen(app), "POST", "/workbench/connections/ping", {"name": name})
    _print(rows, as_json, lambda each: (each["name"], each["mood"], each["said"]), "No connections yet.")
    if any(each["mood"] == "failed" for each in rows):
        raise Exit(1)


def _where(row: dict[str, Any]) -> str:
    return "at its peer, in the sandbox" if row["sandbox"] else row["code"]


def users(app: App = "", as_json: AsJSON = False) -> Any:
    """List who may call a running workbench, secrets by their names."""
    return _listed("users", app, as_json, lambda each: (each["name"], each["kind"], each["code"]))


def limits(app: App = "", as_json: AsJSON = False) -> Any:
    """List the limits in force in a running workbench, with how far each line is used now."""
    return _listed("limits", app, as_json, lambda each: (each["name"], "; ".join(map(_used, each["used"]))))


def _used(line: dict[str, Any]) -> str:
    refused = f", {line['refused']} refused" if line["refused"] else ""
    return f"{line['line']}: {line['used']} of {line['limit']} used{refused}"


def call(
    request: Annotated[str, Argument(metavar="'METHOD /PATH'", help="What is asked for; without a method, GET.")],
    data: Annotated[str | None, Option(metavar="TEXT", help="The body; - reads standard input.")] = None,
    user: Annotated[str, Option(metavar="NAME", help="Call with the credentials of this user.")] = "",
    header: Annotated[list[str] | None, Option("-H", metavar="NAME:VALUE", help="A header.")] = None,
    timeout: Annotated[float, Option(metavar="SECONDS", min=0.1, help="Longest wait for the answer.")] = 60.0,
    app: App = "",
    as_json: AsJSON = False,
) -> Any:
    """Make a request to a running workbench over HTTP and print the answer; 1 if its status is 400 or higher."""
    from workbench.app.serving.asking import ask
    from workbench.app.serving.choosing import chosen
    from workbench.cli.remote import standard_input

    headers = {}
    for each in header or ():
        name, sign, value = each.partition(":")
        if not sign or not name.strip():
            raise WorkbenchError(f"{each!r} is no header. Fix: write it as 'Name: value'.")
        headers[name.strip()] = value.strip()
    given = standard_input() if data == "-" else data
    sent = {"call": request, "data": given, "user": user, "headers": headers, "timeout_seconds": timeout}
    told = ask(chosen(app), "POST", "/workbench/call", sent, timeout + 5.0)
    if as_json:
        _print_json(told)
    else:
        print(f"{told['status']}  CID {told['cid']}", file=sys.stderr)
        print(told["text"].rstrip("\n"))
    if told["status"] >= 400:
        raise Exit(1)


def _listed(what: str, app: str, as_json: bool, cells: Callable[[dict[str, Any]], tuple[str, ...]]) -> None:
    from workbench.app.serving.asking import ask
    from workbench.app.serving.choosing import chosen

    _print(ask(chosen(app), "GET", f"/workbench/{what}"), as_json, cells, f"No {what} yet.")


def _print(rows: Rows, as_json: bool, cells: Callable[[dict[str, Any]], tuple[str, ...]], none: str) -> None:
    """A line for each row, in columns."""
    if as_json:
        _print_json(rows)
        return
    lines = [[" ".join(cell.split("\n")) for cell in cells(each)] for each in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
    if not lines:
        print(none)


def _print_json(told: Any) -> None:
    import json

    print(json.dumps(told))
