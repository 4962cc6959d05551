"""How a thing stands, apart from the words it is told in: what colours are chosen by."""

from __future__ import annotations

from typing import Literal

Mood = Literal["running", "ok", "attention", "failed"]
"""`attention`: the other side is well and says no (a limit, a wrong input, HTTP 4xx). `failed`: something is broken."""


def mood_of_status(status: int) -> Mood:
    """The mood of an HTTP status: 4xx wants attention, 5xx has failed."""
    return "ok" if status < 400 else "attention" if status < 500 else "failed"
