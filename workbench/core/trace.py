"""What one call did: a tree of steps under one CID. It is recorded while the call runs, and drawn when it is shown.

Values of secrets are masked as text comes in, and those that were learned since then when it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Protocol

from workbench.core.errors import mood_of_error, words_of_error
from workbench.core.failure import Failure, failure_of
from workbench.core.masking import mask
from workbench.core.mood import Mood


class Traced(Protocol):
    """Anything that stands in a trace: a step, a limit's decision, a line of output."""

    kind: str

    def describe(self) -> str:
        """One line without times."""
        ...


class Line:
    """A log line or a print of a service."""

    __slots__ = ("at", "kind", "level", "text")

    def __init__(self, kind: str, text: str, level: str = "") -> None:
        self.kind, self.text, self.level, self.at = kind, mask(text), level, perf_counter()

    def describe(self) -> str:
        """The line, with its level if it was logged."""
        return mask(f"{self.level} {self.text}" if self.level else self.text)


class Step:
    """One thing that took time: a request, a service, an outgoing call."""

    __slots__ = ("error", "kind", "mood", "name", "outcome", "seconds", "started", "steps")

    def __init__(self, kind: str, name: str) -> None:
        self.kind, self.name = kind, mask(name)
        self.started = perf_counter()
        self.seconds: float | None = None
        self.outcome = "running"
        self.mood: Mood = "running"
        self.error: Failure | None = None
        self.steps: list[Traced] = []

    def end(self, text: str, mood: Mood = "ok", error: BaseException | None = None) -> None:
        """Say how it ended, in words of any kind, and what that means; only the first end counts.

        Of an error its text and lines are kept, never the error: its frames hold what the call worked with.
        """
        if self.seconds is None:
            self.seconds = perf_counter() - self.started
            self.outcome, self.mood = mask(text), mood
            self.error = failure_of(error) if error is not None else None

    def fail(self, error: BaseException) -> None:
        """End with an error, in the words and the mood of its class."""
        self.end(words_of_error(error), mood_of_error(error), error)

    def describe(self) -> str:
        """Name and outcome."""
        return mask(f"{self.name} {self.outcome}")

    @property
    def told(self) -> str:
        """What failed, and at which line of the user's code; '' where a step below tells it, or nothing failed."""
        error = self.error
        if error is None or self.mood != "failed" or self.kind != "service":
            return ""
        if error.place is None or not error.place.is_users:
            return ""
        below = (each.error for each in self.steps if isinstance(each, Step) and each.kind == self.kind)
        if any(each is not None and each.place == error.place for each in below):
            return ""
        return mask(f"{error.kind}: {error.sentence} ({error.place})")

    def tree(self, depth: int = 0) -> Iterator[tuple[int, Traced]]:
        """This step and all below it, each with its depth."""
        yield depth, self
        for step in list(self.steps):
            if isinstance(step, Step):
                yield from step.tree(depth + 1)
            else:
                yield depth + 1, step


class RequestStep(Step):
    """A request from outside: where it came from, and the channel, user and service it went to."""

    __slots__ = ("address", "channel", "service", "user")

    def __init__(self, name: str, address: str) -> None:
        super().__init__("http", name)
        self.address = address
        self.channel = self.service = self.user = ""


class Trace:
    """A call from outside with everything it caused."""

    __slots__ = ("at", "cid", "root")

    def __init__(self, cid: str, at: float, root: Step) -> None:
        self.cid, self.at, self.root = cid, at, root

    def __repr__(self) -> str:
        drawn = "\n".join(f"{'  ' * depth}{line}" for depth, step in self.root.tree() for line in _shown(step))
        return mask(drawn.replace(self.cid, "..."))

    def __len__(self) -> int:
        return sum(1 for _ in self.root.tree())

    def steps(self, kind: str) -> list[Traced]:
        """Every step of one kind, in order of their start."""
        return [step for _, step in self.root.tree() if step.kind == kind]

    @property
    def lines(self) -> list[str]:
        """What the services printed and logged."""
        return [step.describe() for _, step in self.root.tree() if isinstance(step, Line)]


def _shown(step: Traced) -> list[str]:
    mark = f"{step.kind}: " if isinstance(step, Line) else ""
    told = step.told.splitlines() if isinstance(step, Step) else []
    return [f"{mark}{line}" for line in step.describe().splitlines() or [""]] + [f"  {line}" for line in told]
