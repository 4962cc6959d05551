"""Calls made from a card, as plain data: an answer or an error, and the trace."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import msgspec

from workbench.core.errors import WorkbenchError, mood_of_error
from workbench.core.masking import mask, masked
from workbench.core.payload.plain import plain
from workbench.core.trace import Trace
from workbench.ui.trace import milliseconds, rows_of

LONGEST_SHOWN = 20_000
_OURS = str(Path(__file__).parent.parent)
_encode = msgspec.json.Encoder(enc_hook=plain).encode


class BadPayload(ValueError):
    """The text in the payload box is not JSON."""


def payload_of(text: str, form: str) -> Any:
    """What is sent: the text itself, or the JSON value that it is."""
    if form != "json" or not text.strip():
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as exc:
        raise BadPayload(f"is not JSON: {exc.msg.lower()}, line {exc.lineno}, column {exc.colno}") from None


def ended(answer: Any, error: BaseException | None, trace: Trace) -> dict[str, Any]:
    """How a call ended, with its trace."""
    said = {"cid": trace.cid, "trace": masked(rows_of(trace)), "ms": milliseconds(trace.root)}
    if error is None:
        return said | {"outcome": "ok", **shown(answer)}
    return said | {"outcome": "refused" if mood_of_error(error) == "attention" else "failed", **failure(error)}


def shown(answer: Any) -> dict[str, str]:
    """An answer as text, and whether it is text, JSON or another value."""
    if answer is None or answer in ("", b""):
        return {"form": "empty", "text": ""}
    if isinstance(answer, bytes):
        try:
            return _cut("text", answer.decode())
        except UnicodeDecodeError:
            return {"form": "bytes", "text": f"{len(answer):,} bytes"}
    if isinstance(answer, str):
        return _cut("text", answer)
    try:
        return _cut("json", msgspec.json.format(_encode(answer), indent=2).decode())
    except (TypeError, ValueError, RecursionError):
        return _cut("value", repr(answer))


def _cut(form: str, text: str) -> dict[str, str]:
    # Masked before it is cut: of a value cut in two, a part would be left.
    over = len(text := mask(text)) - LONGEST_SHOWN
    return {"form": form, "text": f"{text[:LONGEST_SHOWN]}\n... {over:,} more characters" if over > 0 else text}


def failure(error: BaseException) -> dict[str, str]:
    """An error as a person should see it: its sentence, and the line of their own code that raised it."""
    kind = "" if isinstance(error, WorkbenchError) else f"{type(error).__name__}: "
    return {"form": "error", "text": mask(f"{kind}{error}".rstrip(": ")), "where": mask(_where(error))}


def _where(error: BaseException) -> str:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_OURS) and "site-packages" not in frame.filename
    ]
    if not frames:
        return ""
    last = frames[-1]
    return f"{last.name}, line {last.lineno}" + (f": {last.line}" if last.line else "")
