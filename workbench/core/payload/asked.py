"""What a call was given, and what it asked of others and got: the record that a later run can be answered from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask
from workbench.core.payload.copying import OF_A_VALUE, CannotKeep, Copying, Sending, fresh
from workbench.core.trace import Kept, Outgoing, Step, Traced, kept

RECORD_BYTES = 256 * 1024
"""What is kept of one input or answer, whole or not at all [bytes]."""

GONE = "was let go of, since all calls together may take no more"
RUNNING = "has not come"
IN_BACKGROUND = ("invoke_async", "patterns.fanout", "patterns.parallel")
"""Operations that have services run with nobody waiting for them."""
CREDENTIALS = ("auth", "cookie", "key", "password", "secret", "token", "credential")
NOT_AGAIN = frozenset(
    ("accept-encoding", "connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding")
)
"""Headers of one conversation, which the next one has of its own: RFC 9110, 7.6.1."""


class NotInRecord(WorkbenchError):
    """A call, or a step of it, cannot be run again from what is kept."""

    mood = "attention"

    def __init__(self, what: str, why: str, fix: str = "run the whole call again") -> None:
        super().__init__(f"{what} {why}. Fix: {fix}.")


class Given(NamedTuple):
    """What a call came with: its body or payload, and by HTTP the query and the headers that are not credentials.

    `why` says why the body is not kept, as the end of a sentence; '' if it is.
    """

    body: Any
    query: str = ""
    headers: Mapping[str, str] = {}
    why: str = ""

    @property
    def size(self) -> int:
        """How much is kept [bytes]."""
        return len(self.body) if isinstance(self.body, str | bytes) else OF_A_VALUE

    @property
    def shown(self) -> str:
        """The body as text, masked and cut; why not, if it is not kept."""
        if self.why:
            return f"The input {self.why}."
        return "" if self.body is None or self.body in ("", b"") else str(kept(self.body))


def given(payload: Any, most: int) -> Given:
    """What a call that did not come by HTTP was given."""
    try:
        return Given(Copying(most).keep(payload))
    except CannotKeep as exc:
        return Given(None, why=str(exc))


def given_by(came: tuple[Any, str, Mapping[str, str], str]) -> Given:
    """What a request came with, of what its trace holds: without credentials and what masks as a secret."""
    body, query, headers, why = came
    kept = {name: value for name, value in headers.items() if is_kept(name) and mask(value) == value}
    return Given(body, query, kept, why)


def is_kept(header: str) -> bool:
    """Whether a request header belongs to the call, and is neither a credential nor of the conversation."""
    name = header.lower()
    return (
        name not in NOT_AGAIN and not name.startswith("x-workbench-") and not any(each in name for each in CREDENTIALS)
    )


class Answers(list[Any]):
    """What a generator gave so far, copied; `is_whole` once it has ended by itself."""

    is_whole = False


class Unknown(str):
    """Why what was sent is not kept, as the end of a sentence; nothing can be compared with it."""


class Told(NamedTuple):
    """What is kept of one thing that was asked, for a record that outlives its process.

    Attributes:
        answer: What came back, copied; of what answers item by item, `Answers`.
        error: The class of the error that came instead, its arguments and its facts.
        why: Why neither is kept, as the end of a sentence; '' if one is.
        awaited: Whether it was awaited.
    """

    connection: str
    operation: str
    arguments: Any
    answer: Any = None
    error: tuple[type[Exception], Any, Any] | None = None
    why: str = ""
    awaited: bool = False


class Asked:
    """One thing that a service asked of a connection or of another service, and what came back.

    Attributes:
        connection: Name of the connection, or of the service.
        operation: The method that was called; `invoke` of a service.
        arguments: What was sent, copied: the CID left out, secrets masked; `Unknown` if that cannot be.
        steps: What it was in the trace.
        why: Why a later run cannot be answered from it, as the end of a sentence; '' if it can.
        is_told: Whether it was itself answered from the record of an earlier call.
        awaited: Whether it was awaited.
    """

    __slots__ = (
        *("_answer", "_error", "arguments", "awaited", "connection", "is_told", "operation", "size", "steps", "why"),
    )

    def __init__(self, connection: str, operation: str, sent: Any, cid: str) -> None:
        self.connection, self.operation, self.is_told, self.awaited = connection, operation, False, False
        self.steps: list[Traced] = []
        self.why = RUNNING
        self._answer: Any = None
        self._error: tuple[type[Exception], Any, Any] | None = None
        copying = Sending(RECORD_BYTES, cid)
        try:
            self.arguments = copying.keep(sent)
        except CannotKeep as exc:
            self.arguments = Unknown(exc)
        self.size = copying.size

    @property
    def told(self) -> Told:
        """What is kept of it."""
        answer, error = (None, None) if self.why else (self._answer, self._error)
        return Told(self.connection, self.operation, self.arguments, answer, error, self.why, self.awaited)

    @classmethod
    def of(cls, told: Told) -> Asked:
        """One of an earlier process, from which a run can be answered."""
        made = cls(told.connection, told.operation, None, "-")
        made.arguments, made._answer, made._error, made.why = told.arguments, told.answer, told.error, told.why
        made.awaited = told.awaited
        return made

    def returned(self, value: Any, most: int) -> None:
        """Keep what came back."""
        self._answer = self._copied(value, most)

    def raised(self, error: Exception, most: int) -> None:
        """Keep the error that came instead: its class, its words and facts, nothing of its frames."""
        copied = self._copied((error.args, vars(error)), most)
        if not self.why:
            self._error = (type(error), *copied)

    def _copied(self, value: Any, most: int) -> Any:
        copying = Copying(most)
        try:
            copy = copying.keep(value)
        except CannotKeep as exc:
            self.why = str(exc)
            return None
        self.why, self.size = "", self.size + copying.size
        return copy

    def begun(self) -> None:
        """It answers item by item."""
        self.why, self._answer = "", Answers()

    def item(self, value: Any, most: int) -> None:
        """Keep one more item."""
        if self.why:
            return
        answers, copying = self._answer, Copying(max(0, most - self.size))
        try:
            answers.append(copying.keep(value))
            self.size += copying.size
        except CannotKeep as exc:
            self.why, self._answer = str(exc), None

    def ended(self) -> None:
        """There are no more items."""
        if self._answer is not None:
            self._answer.is_whole = True

    def let_go(self) -> int:
        """Keep the answer no more; how much that was [bytes]."""
        if self.why:
            return 0
        size, self.size, self.why = self.size, OF_A_VALUE, GONE
        self._answer = self._error = self.arguments = None
        return size

    def give(self, held: Any) -> Any:
        """The same answer again, or the same error; `held` is the connection as the service holds it."""
        if self.why:
            raise NotInRecord(f"The answer of {self.words}", self.why)
        if self._error is not None:
            raise _error_again(*self._error)
        if isinstance(self._answer, Answers):
            return self._items(self._answer, held)
        return fresh(self._answer, held)

    def _items(self, answers: Answers, held: Any) -> Iterator[Any]:
        for each in list(answers):
            yield fresh(each, held)
        if not answers.is_whole:
            raise NotInRecord(f"{self.words} was read to its item {len(answers)}, and what follows", "is not kept")

    @property
    def words(self) -> str:
        """`My FTP list`, as errors name it."""
        return f"{self.connection} {self.operation}"

    @property
    def shown_arguments(self) -> str:
        """What was sent, as text."""
        return mask(_call_words(self.arguments))

    @property
    def answer(self) -> Kept | None:
        """What came back as text; None if it is not kept, or was an error."""
        return None if self.why or self._error is not None else kept(self._answer)

    def again(self) -> Asked:
        """The same, as a later run is answered from it: with steps of its own, marked."""
        made = object.__new__(Asked)
        for name in Asked.__slots__:
            setattr(made, name, getattr(self, name))
        made.is_told, made.steps = True, [_told_step(each) for each in self.steps if isinstance(each, Step)]
        made.steps = made.steps or [_told_step(None, self.words)]
        return made


def _told_step(step: Step | None, name: str = "") -> Step:
    """A step of an earlier call as it stands in the trace of one that is answered from the record."""
    told = Outgoing("record", step.name if step is not None else name)
    if isinstance(step, Outgoing):
        told.connection, told.operation = step.connection, step.operation
        told.arguments, told.answer = step.arguments, step.answer
    outcome = step.outcome.removesuffix(FROM_THE_RECORD) if step is not None else "ok"
    told.end(f"{outcome}{FROM_THE_RECORD}", step.mood if step is not None else "ok")
    return told


FROM_THE_RECORD = ", from the record"


def _error_again(cls: type[Exception], args: Any, facts: Any) -> Exception:
    error: Exception = cls.__new__(cls, *fresh(args, None))
    error.args = fresh(args, None)
    vars(error).update(fresh(facts, None))
    return error


def _call_words(sent: Any) -> str:
    """Arguments as they stand in a call."""
    match sent:
        case (tuple() as args, dict() as named):
            return ", ".join([*(repr(each) for each in args), *(f"{name}={each!r}" for name, each in named.items())])
    return repr(sent)
