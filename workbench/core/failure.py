"""What is kept of an error once it has been told: its class, its sentence, and the lines it came through.

The error itself would keep its traceback, that its frames, and those every value that the failed call worked with.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException
from types import FrameType, TracebackType
from typing import NamedTuple

from workbench.core.errors import WorkbenchError
from workbench.core.masking import mask
from workbench.core.mood import Mood
from workbench.core.source import undisturbed

LONGEST_SENTENCE = 2_000
"""Characters of an error's sentence that are kept."""

MOST_PLACES = 20
"""Lines of code that are kept of one error: the first ones and the last."""


class Place(NamedTuple):
    """A line of code: its file, or the cell as a person knows it, number and function."""

    file: str
    line: int
    function: str

    @property
    def is_users(self) -> bool:
        """Whether it is code of the user's own."""
        return not self.file.startswith(_not_the_users())

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, in {self.function}"


class Failure(NamedTuple):
    """An error as text.

    Attributes:
        kind: Name of its class.
        sentence: What it says, cut to 2,000 characters.
        places: The lines it came through: the last one of the user's own code first, then from the outermost to where
            it was raised, at most 20 of them.
        causes: The errors it came from, the nearest first, each as `ValueError: what it says`.
    """

    kind: str
    sentence: str
    places: tuple[Place, ...] = ()
    causes: tuple[str, ...] = ()

    def __str__(self) -> str:
        # Masked again: a secret may have been learned since.
        return mask(" <- ".join((f"{self.kind}: {self.sentence}".rstrip(": "), *self.causes)))

    def __repr__(self) -> str:
        return mask(f"Failure({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})")

    @property
    def place(self) -> Place | None:
        """The user's line; where it was raised, if no code of the user's was on the way."""
        return self.places[0] if self.places else None

    @property
    def brief(self) -> Failure:
        """The same without what led to it: one line of code, no causes."""
        return self._replace(places=self.places[:1], causes=())


def failure_of(error: BaseException) -> Failure:
    """The text of an error; nothing of it is kept alive."""
    causes: list[str] = []
    seen, each = {id(error)}, _cause_of(error)
    while each is not None and id(each) not in seen and len(causes) < MOST_PLACES:
        seen.add(id(each))
        causes.append(f"{type(each).__name__}: {sentence_of(each)}")
        each = _cause_of(each)
    return Failure(type(error).__name__, sentence_of(error), _places_of(error.__traceback__), tuple(causes))


def drop_frames(error: BaseException | None) -> None:
    """Take the tracebacks off an error that has been told, and off its causes.

    A frame that has its own error in a variable, ours or the user's, is a circle, and waits for the cyclic collector
    with all that it worked with.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def sentence_of(error: BaseException) -> str:
    """What an error says, masked and cut to a bound; an error that cannot even say that is told."""
    try:
        # Masked before it is cut: of a value cut in two, a part would be left.
        return cut(mask(str(error)), LONGEST_SENTENCE)
    except Exception as exc:
        return f"<its text raised {type(exc).__name__}>"


def cut(text: str, most: int) -> str:
    """A text, or its beginning and how much was left out [characters]."""
    return text if len(text) <= most else f"{text[:most]}... [{len(text) - most} more characters left out]"


def cut_middle(text: str, most: int) -> str:
    """A text, or its beginning and its end, where a traceback says the most, and how much was left out between."""
    over = len(text) - most
    if over <= 0:
        return text
    return f"{text[: most // 2]}\n... [{over} characters left out]\n{text[-(most // 2) :]}"


def _cause_of(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _places_of(trace: TracebackType | None) -> tuple[Place, ...]:
    places: list[Place] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(Place(called(code.co_filename), trace.tb_lineno, code.co_name))
        trace = trace.tb_next
    users = [each for each in places if not each.file.startswith(_not_the_users())]
    first = users[-1:] or places[-1:]
    rest = [each for each in places if each not in first]
    if len(rest) >= MOST_PLACES:
        rest = rest[: MOST_PLACES // 2] + rest[-(MOST_PLACES // 2 - 1) :]
    return (*first, *rest)


def place_of_frame(frame: FrameType) -> Place:
    """The line where a thread stands: the innermost one of the user's own code, else the innermost of all."""
    each: FrameType | None = frame
    while each is not None and each.f_code.co_filename.startswith(_not_the_users()):
        each = each.f_back
    shown = each or frame
    return Place(called(shown.f_code.co_filename), shown.f_lineno, shown.f_code.co_name)


def traceback_of(error: BaseException) -> str:
    """The traceback as a person should read it: from the user's first line on, cells by their numbers, none of ours.

    Of an error that no code of the user's was on the way of, all of it.
    """
    told = undisturbed(lambda: TracebackException.from_exception(error))
    each: TracebackException | None = told
    while each is not None:
        each.stack = _trimmed(each.stack)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return "".join(told.format()).rstrip("\n")


def _trimmed(stack: StackSummary) -> StackSummary:
    theirs = _not_the_users()
    first = next((at for at, each in enumerate(stack) if not each.filename.startswith(theirs)), None)
    kept = list(stack) if first is None else [each for each in stack[first:] if not each.filename.startswith(theirs[0])]
    named = [FrameSummary(called(each.filename), each.lineno, each.name, line=each.line or "") for each in kept]
    return StackSummary.from_list(named)


Namer = Callable[[str], str | None]


class CodeNames:
    """What a person calls code whose file is none of theirs, as that of a cell."""

    def __init__(self) -> None:
        self._namers: tuple[Namer, ...] = ()

    def follow(self, namer: Namer) -> Callable[[], None]:
        """Ask `namer` too, which gives None for a file that it does not know; returns the call that ends it."""
        self._namers = (*self._namers, namer)

        def end() -> None:
            self._namers = tuple(each for each in self._namers if each is not namer)

        return end

    def called(self, file: str) -> str:
        """The name of a file of code; the file's own if nobody knows another."""
        return next((name for namer in self._namers if (name := namer(file))), file)


CODE_NAMES = CodeNames()
"""This process's: code is the process's, too."""
called = CODE_NAMES.called


@cache
def _not_the_users() -> tuple[str, ...]:
    """How names of files begin that hold the workbench, Python itself or an installed library."""
    paths = sysconfig.get_paths()
    ours = Path(__file__).parent.parent
    return f"{ours}/", "<frozen ", *{f"{paths[each]}/" for each in ("stdlib", "platstdlib", "purelib", "platlib")}


def mood_of_error(error: BaseException) -> Mood:
    """The mood that an error's class declares; errors that are not the workbench's have failed."""
    return error.mood if isinstance(error, WorkbenchError) else "failed"


def words_of_error(error: BaseException) -> str:
    """An error as the outcome of a step: the status that a caller is told, or the class of the error."""
    status = getattr(error, "status", None) if isinstance(error, WorkbenchError) else None
    if status is not None and mood_of_error(error) == "attention":
        return f"refused {status}"
    return f"failed: {type(error).__name__}"
