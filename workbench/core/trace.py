"""What one call did: a tree of steps under one CID. It is recorded while the call runs, and drawn when it is shown.

Values of secrets are masked as text comes in, and those that were learned since then when it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from json.encoder import encode_basestring
from time import perf_counter
from typing import Any, NamedTuple, Protocol

from workbench.core.errors import WorkbenchError
from workbench.core.failure import Failure, failure_of, mood_of_error, words_of_error
from workbench.core.masking import mask
from workbench.core.mood import Mood
from workbench.core.ports import Showable

KEPT_CHARACTERS = 4096
"""What is kept of one value that went out or came back [characters]."""

MARGIN = 4096
"""What is looked at beyond that, so that a secret is masked whole before the text is cut [characters]."""

DEEPEST = 20
BYTES, SEVERAL = (bytes, bytearray, memoryview), (dict, list, tuple)
WORDS = {None: "null", True: "true", False: "false"}


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


class Kept(NamedTuple):
    """The text of a value that went out or came back, masked and cut; `is_whole` says whether all of it is there."""

    text: str
    is_whole: bool

    def __str__(self) -> str:
        # Masked again: a secret may have been learned since.
        return mask(self.text) if self.is_whole else f"{mask(self.text)}..."


def kept(value: Any) -> Kept:
    """The text of a value: text and bytes as they are, dictionaries and lists as JSON, anything else as its repr.

    What it costs is bounded by what is kept, however big the value is; an iterator is not touched.
    """
    try:
        text, is_whole = _drawn(value, KEPT_CHARACTERS + MARGIN)
    except Exception as exc:  # of a value's own text, or as another thread changes it
        text, is_whole = f"<{type(value).__name__}, whose text raised {type(exc).__name__}>", True
    text = mask(text)
    if not is_whole:
        # A secret that was cut is in the margin.
        text = text[: max(0, len(text) - MARGIN)]
    return Kept(text[:KEPT_CHARACTERS], is_whole and len(text) <= KEPT_CHARACTERS)


def _drawn(value: Any, most: int) -> tuple[str, bool]:
    """The text of a value up to about `most` [characters], and whether that is all of it."""
    if isinstance(value, str):
        return value[:most], len(value) <= most
    if isinstance(value, BYTES):
        return bytes(value[:most]).decode(errors="backslashreplace"), len(value) <= most
    pieces: list[str] = []
    left = _draw(value, most, pieces)
    return "".join(pieces)[:most], left >= 0


def _draw(value: Any, left: int, pieces: list[str], depth: int = 0) -> int:
    """Add the text of a value within others; how much room is left, below 0 once something was left out."""
    if isinstance(value, str):
        text = encode_basestring(value[: left + 1])
    elif isinstance(value, BYTES):
        text = encode_basestring(bytes(value[: left + 1]).decode(errors="backslashreplace"))
    elif isinstance(value, SEVERAL) and depth < DEEPEST:
        return _draw_several(value, left, pieces, depth + 1)
    else:
        text = WORDS[value] if value is None or value is True or value is False else repr(value)
    pieces.append(text)
    return left - len(text)


def _draw_several(value: Any, left: int, pieces: list[str], depth: int) -> int:
    is_dict = isinstance(value, dict)
    pieces.append("{" if is_dict else "[")
    between = ""
    for each in value:
        if left < 0:
            return left
        pieces.append(between)
        between = ", "
        if is_dict:
            left = _draw(each, left, pieces, DEEPEST)
            pieces.append(": ")
            each = value[each]
        left = _draw(each, left - 2, pieces, depth)
    pieces.append("}" if is_dict else "]")
    return left


class OutgoingEnded(NamedTuple):
    """A call of a service to another system has ended: through which connection, and how that stands."""

    connection: str
    mood: Mood


class Outgoing(Step):
    """A call to another system, with what was asked of it and what it answered: the record at the tap.

    Attributes:
        connection: Name of the connection; '' where there is none.
        operation: What was asked, in a word of its kind: `GET`, `put`, `SELECT`, `HSET`.
        arguments: What was sent, by name; of a stream nothing but its path.
        answer: What came back; None while nothing has, and where it is read as a stream.
    """

    __slots__ = ("_grow", "_told", "answer", "arguments", "connection", "operation")

    def __init__(
        self,
        kind: str,
        name: str,
        connection: str = "",
        operation: str = "",
        arguments: Mapping[str, Any] | None = None,
        grow: Callable[[int], None] | None = None,
    ) -> None:
        """Begin it.

        Args:
            grow: Told how many characters are kept; None where nobody keeps the record, and so no value is kept.
        """
        super().__init__(kind, name)
        self.connection, self.operation, self._grow = connection, operation, grow
        self._told: Callable[[OutgoingEnded], None] | None = None
        self.arguments: dict[str, Kept] = {}
        self.answer: Kept | None = None
        if grow is not None and arguments:
            self.arguments = {name: kept(value) for name, value in arguments.items()}
            grow(self.size)

    def tell(self, told: Callable[[OutgoingEnded], None]) -> None:
        """Have `told` called once, when it ends."""
        self._told = told

    def end(self, text: str, mood: Mood = "ok", error: BaseException | None = None) -> None:
        """Say how it ended, here and to whoever wants to know; only the first end counts."""
        super().end(text, mood, error)
        if (told := self._told) is not None:
            self._told = None
            told(OutgoingEnded(self.connection, self.mood))

    def answered(self, value: Any) -> None:
        """Keep what came back."""
        if self._grow is not None:
            self.answer = kept(value)
            self._grow(len(self.answer.text))

    @property
    def size(self) -> int:
        """How much of values is kept [characters]."""
        size = 0 if self.answer is None else len(self.answer.text)
        for each in self.arguments.values():
            size += len(each.text)
        return size


class RequestStep(Step):
    """A request from outside: where it came from, and the channel, user and service it went to.

    Attributes:
        came: Its body, query, headers, and why the body is not kept, for `given_by`; None until it is answered.
        answer: The beginning of what was sent back; None until then.
    """

    __slots__ = ("address", "answer", "came", "channel", "service", "user")

    def __init__(self, name: str, address: str) -> None:
        super().__init__("http", name)
        self.address = address
        self.channel = self.service = self.user = ""
        self.came: tuple[Any, str, Mapping[str, str], str] | None = None
        self.answer: bytes | None = None


class Again(Protocol):
    """Runs calls again, and compares them."""

    @property
    def again(self) -> Callable[..., Any]:
        """Runs a call again."""
        ...

    @property
    def compare(self) -> Callable[..., Any]:
        """Puts two calls side by side."""
        ...

    @property
    def make_test(self) -> Callable[..., Any]:
        """Makes a call a test."""
        ...


class Trace(Showable):
    """A call from outside with everything it caused."""

    __slots__ = ("_kept_by", "at", "cid", "root")

    def __init__(self, cid: str, at: float, root: Step, kept_by: Again | None = None) -> None:
        self.cid, self.at, self.root, self._kept_by = cid, at, root, kept_by

    def again(self, **how: Any) -> Any:
        """Run this call again, as it came: by HTTP through the real server, otherwise by `invoke`.

        Args:
            how: `version`, a number: on this version of the service, which does not become live by that. `data`: with
                another input. `user`: as another user; '' as none. `times`: so often, for a list. `since`, a step of
                `.steps(...)` or its number in the tree: what comes before it is answered from the record. `outside`:
                whether it may call real accounts, which are named first.

        Returns:
            A `Repeated`: its `.answer`, `.error`, `.trace`, what it did not run, and how it differs.

        Raises:
            CallsOutside: It would call real accounts, and nobody has said that it may.
            NotInRecord: What it came with, or an answer before `since`, is not kept.
        """
        return self._keeper.again(self, **how)

    def compare(self, other: Trace) -> Any:
        """This call and another side by side: a `Compared` with `.first`, `.rows`, `.input`, `.answer`."""
        return self._keeper.compare(self, other)

    def make_test(self, name: str = "") -> Any:
        """Make a test of this call: its cassette, beside the notebook, and the text of its cell.

        It is replayed three times at once first, with nobody outside called: by peers that have what the other sides
        had, or from the record. What differs in each run is named, and not compared.

        Args:
            name: The cassette's name, which replaces one there is; by default made of the service's, and a new one.

        Returns:
            A `MadeTest`: its `.code`, `.path`, `.noise` and `.verdict`.

        Raises:
            NotATest: It would not be green, or the record does not have what it needs. Nothing is written.
        """
        return self._keeper.make_test(self, name)

    @property
    def _keeper(self) -> Again:
        if self._kept_by is None:
            raise WorkbenchError("This call is not kept by a workbench. Fix: take it from wb.traffic.")
        return self._kept_by

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
