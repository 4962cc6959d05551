"""The tables of bounds in README.md are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.app.configuration.bounds import Bounds, descriptions
from workbench.app.serving import own
from workbench.channels import json_rpc
from workbench.channels.bodies import multipart, xml
from workbench.channels.definition import HTTPChannel
from workbench.channels.files.channel import FileChannel
from workbench.channels.websocket import asking, hook, session
from workbench.channels.websocket.channel import WebSocketChannel
from workbench.connections import catalog
from workbench.connections.common.fields import LARGEST_ANSWER_BYTES
from workbench.core import current, trace
from workbench.runtime import capture, nesting, traffic
from workbench.scheduler import records

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
FIXED = {
    "requests in a JSON-RPC batch": json_rpc.LARGEST_BATCH,
    "parts of a form": multipart.MOST_PARTS,
    "fields of a form in parts": multipart.FIELDS_BYTES,
    "depth of XML that comes in": xml.DEEPEST,
    "services that invoke each other": nesting.DEEPEST,
    "the workbench's own addresses at once": own.AT_ONCE,
    "body to one of them": own.LARGEST_BODY_BYTES,
    "questions of services that a WebSocket client has not answered": asking.MOST_QUESTIONS,
    "WebSocket clients of a channel that have not said who they are": session.MOST_STRANGERS,
    "the first message of one that has not": session.LONGEST_BYTES,
    "time for that": session.SESSION_SECONDS,
    "a hook of a WebSocket channel": hook.HOOK_SECONDS,
    "lines of one call in its trace": capture.KEPT_IN_TRACE,
    "calls to other systems of one call in its trace": current.MOST_STEPS,
    "a line of a trace or of the log": traffic.LONGEST_LINE,
    "a value of a call to another system": trace.KEPT_CHARACTERS,
    "lines of a run in the store": records.MOST_LINES,
}


def table(head: str) -> dict[str, str]:
    """The first two columns of the table whose first title is `head`."""
    rows = README.split(f"| {head} | ")[1].split("\n\n")[0].splitlines()[2:]
    return {name.strip("` "): value.strip() for _, name, value, *_ in (row.split("|") for row in rows)}


def value_of(text: str) -> float:
    """What a cell says: `32 MiB`, `1,000`, `75 s`."""
    number, _, unit = text.replace(",", "").partition(" ")
    return float(number) * {"KiB": 1 << 10, "MiB": 1 << 20}.get(unit, 1)


def test_each_bound_of_a_workbench_is_told_with_its_default() -> None:
    told = {name: value_of(text) for name, text in table("bound").items()}
    assert told == {name: getattr(Bounds(), name) for name in Bounds.__struct_fields__}
    units = {name: re.sub(r"^[\d,]+ ?", "", text) for name, text in table("bound").items()}
    assert all((unit == "s") == name.endswith("_seconds") for name, unit in units.items())
    assert descriptions().keys() == told.keys()


def test_each_bound_of_a_definition_is_told_with_its_default() -> None:
    told = {name: value_of(text) for name, text in table("field").items()}
    channel = HTTPChannel("x")
    of_channels: dict[str, float] = {name: getattr(channel, name) for name in ("max_body_bytes", "timeout_seconds")}
    of_channels["max_elements"] = json_rpc.JSONRPCChannel("x", services=("y",)).max_elements
    of_channels["max_file_bytes"] = FileChannel("x", pickup_from="in").max_file_bytes
    socket = WebSocketChannel("x")
    of_sockets = ("max_message_bytes", "max_waiting", "max_unsent_bytes", "max_clients", "ping_seconds", "idle_seconds")
    of_channels |= {name: getattr(socket, name) for name in of_sockets}
    assert told == {**of_channels, "max_answer_bytes": LARGEST_ANSWER_BYTES}
    classes = {row.kind: catalog.definition_class(row.kind) for row in catalog.ROWS}
    defaults = {
        kind: dict(zip(cls.__struct_fields__[-len(cls.__struct_defaults__) :], cls.__struct_defaults__, strict=True))
        for kind, cls in classes.items()
    }
    bounds = {kind: each["max_answer_bytes"] for kind, each in defaults.items() if "max_answer_bytes" in each}
    assert bounds.pop("twilio") == 1024 * 1024
    assert set(bounds.values()) == {LARGEST_ANSWER_BYTES}


def test_each_fixed_bound_is_told() -> None:
    assert {name: value_of(text) for name, text in table("fixed").items()} == FIXED
