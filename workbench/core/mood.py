"""How a thing stands, apart from the words it is told in: what colours are chosen by."""

from __future__ import annotations

from typing import Literal

from workbench.core.errors import WorkbenchError

Mood = Literal["running", "ok", "attention", "failed"]
"""`attention`: the other side is well and says no (a limit, a wrong input, HTTP 4xx). `failed`: something is broken."""


def mood_of_status(status: int) -> Mood:
    """The mood of an HTTP status: 4xx wants attention, 5xx has failed."""
    return "ok" if status < 400 else "attention" if status < 500 else "failed"


def mood_of_error(error: BaseException) -> Mood:
    """The mood that an error's class declares; errors that are not the workbench's have failed."""
    return error.mood if isinstance(error, WorkbenchError) else "failed"


def words_of_error(error: BaseException) -> str:
    """An error as the outcome of a step: the status that a caller is told, or the class of the error."""
    status = getattr(error, "status", None) if isinstance(error, WorkbenchError) else None
    if status is not None and mood_of_error(error) == "attention":
        return f"refused {status}"
    return f"failed: {type(error).__name__}"
