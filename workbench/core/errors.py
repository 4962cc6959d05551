"""The errors that a caller can meet: what happened, to which object, how to fix it.

Those of one room alone stand in that room; each is a WorkbenchError.

WorkbenchError
  InvalidDefinition      a definition with bad fields, all of them listed
  UnknownName            a name that nobody defined; says which exist and the nearest
  NameTaken              one name from two sources
  DanglingReference      a definition that names something that is not there
  PathTaken              two channels on one address
  StillUsed              something to be removed that others name
  MissingSecret          a secret nobody set
  MissingDependency      a client library that is not installed
    UnknownAttribute     ... asked for as an attribute
  NotYet                 a kind of connection that is to come
    NotYetImported       ... asked for by an import
    NotYetAttribute      ... asked for as an attribute
  BrokenExtension        what another distribution brings and cannot be used
  DeployRefused          classes of a cell or file that cannot go live
  ServiceUsage           a service that used its own interface wrongly
  ConnectionFailed       an outside system that did not answer as it should
    DeadlineExceeded     ... within the time the connection allows
  StoreUnavailable       the store gave no answer
  CallerError            what a caller may be told, with its HTTP status
    BadRequest 400 (InvalidInput), Unauthorized 401, Forbidden 403, NotFound 404, MethodNotAllowed 405, Conflict 409,
    ContentTooLarge 413, URITooLong 414, UnsupportedMediaType 415, TooManyRequests 429, HeadersTooLarge 431
  ServiceUnavailable     503 with Retry-After: no worker is free, or the server is stopping
    InsufficientStorage  507: no room for a body that does not fit in memory
  TimedOut               504: the service did not end within its channel's time
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from http.client import responses
from typing import ClassVar

from workbench.core.masking import mask
from workbench.core.mood import Mood


class WorkbenchError(Exception):
    """Anything that goes wrong in the workbench; its text is a sentence for a person, without values of secrets."""

    mood: ClassVar[Mood] = "failed"
    """How a step that ends with it is drawn: `attention` where the other side is well and says no."""

    def __init__(self, *args: object) -> None:
        """Take the sentence; what another side said may stand in it, and may repeat a secret."""
        super().__init__(*(mask(each) if isinstance(each, str) else each for each in args))


def listed(names: Iterable[str], *, at_most: int = 12) -> str:
    """Names in a row for an error text, the long tail counted instead of shown."""
    names = sorted(names)
    if not names:
        return "none"
    shown = ", ".join(names[:at_most])
    return shown if len(names) <= at_most else f"{shown} and {len(names) - at_most} more"


def short(name: object) -> str:
    """A name as errors quote it: one that nobody could read to its end is cut."""
    text = repr(name)
    # Names are 200 characters at most.
    return text if len(text) <= 200 else f"{text[:60]}... ({len(text):,} characters)"


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name that `name` was probably meant to be; none for what is no text, as a number or a pair."""
    by_folded = {each.casefold(): each for each in known}
    close = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6) if isinstance(name, str) else []
    return by_folded[close[0]] if close else None


class InvalidDefinition(WorkbenchError):
    """A definition has bad fields; `problems` maps each field to what is wrong with it."""

    def __init__(self, kind: str, name: object, problems: dict[str, str]) -> None:
        self.kind, self.name, self.problems = kind, name, problems
        lines = "; ".join(f"{field} {problem}" for field, problem in problems.items())
        super().__init__(f"{kind} {short(name)} is not valid: {lines}{'' if lines.endswith('?') else '.'}")


class UnknownName(WorkbenchError, KeyError):
    """Nobody defined that name; says which names exist and which is the nearest."""

    def __init__(self, what: str, name: str, known: Iterable[str], *, fix: str = "") -> None:
        self.what, self.name, self.known = what, name, sorted(known)
        close = nearest(name, self.known)
        meant = f" Did you mean {close!r}?" if close else ""
        tail = f" Fix: {fix}" if fix else ""
        super().__init__(f"No {what} is named {short(name)}; there are: {listed(self.known)}.{meant}{tail}")

    def as_attribute(self) -> UnknownAttribute:
        """The same error for a name that was asked for as an attribute."""
        error = UnknownAttribute.__new__(UnknownAttribute, *self.args)
        error.what, error.name, error.known = self.what, self.name, self.known
        return error

    def __str__(self) -> str:
        return str(self.args[0])


class NameTaken(WorkbenchError):
    """One name comes from two sources."""

    def __init__(self, what: str, name: str, first: str, second: str, *, fix: str) -> None:
        self.what, self.name = what, name
        super().__init__(f"{what} {short(name)} comes from two places: {first} and {second}. Fix: {fix}")


class DanglingReference(WorkbenchError):
    """A definition names an object that does not exist; `problem` says so beside the `field` that names it."""

    def __init__(self, owner: str, what: str, name: str, known: Iterable[str], *, field: str = "") -> None:
        close = nearest(name, known := list(known))
        meant = f" Did you mean {close!r}?" if close else ""
        there = f"did you mean {close!r}?" if close else f"there are: {listed(known) if known else 'none yet'}"
        said = short(name)
        self.field, self.problem = field, f"{said} does not exist; {there}"
        super().__init__(f"{owner} names the {what} {said}, which does not exist; there are: {listed(known)}.{meant}")


class PathTaken(WorkbenchError):
    """Two channels claim the same path and method."""

    def __init__(self, path: str, first: str, second: str, methods: Sequence[str]) -> None:
        verbs = " ".join(methods) or "every method"
        super().__init__(
            f"Channels {first!r} and {second!r} both answer {path} for {verbs}. "
            f"Fix: give one of them another path or method."
        )


class StillUsed(WorkbenchError):
    """Something cannot be removed, since other definitions name it."""

    def __init__(self, what: str, users: Iterable[str]) -> None:
        super().__init__(f"{what} is still used by {listed(users)}. Fix: change or remove that first.")


class MissingSecret(WorkbenchError):
    """A secret that something needs is not set anywhere."""

    def __init__(self, name: str, owner: str) -> None:
        self.name = name
        super().__init__(
            f"{owner} needs the secret {name!r}, which is not set. Fix: set the environment variable {name}, "
            f"write {name}=... into a file .env beside the notebook, or call wb.sandbox() to play without it."
        )


class MissingDependency(WorkbenchError):
    """The client library of a kind is not installed."""

    def __init__(self, kind: str, package: str, extra: str | None = None) -> None:
        self.kind, self.package = kind, package
        what = f"'notebook-workbench[{extra}]'" if extra else package
        super().__init__(f"{kind} needs the package {package!r}, which is not installed. Fix: pip install {what}")


class BrokenExtension(WorkbenchError):
    """What another distribution brings cannot be used; everything else can."""

    def __init__(self, what: str, name: str, distribution: str, why: str) -> None:
        super().__init__(
            f"{what} {name!r}, which the distribution {distribution} brings, cannot be used: {why}. "
            f"Fix: pip install --upgrade {distribution}, or pip uninstall {distribution}"
        )


class UnknownAttribute(UnknownName, AttributeError):  # type: ignore[misc]  # `name` is text in both
    """The same, asked for as an attribute: `hasattr` and `getattr` with a default take it as any other."""


class NotYet(WorkbenchError):
    """A kind of connection that is to come."""

    def __init__(self, label: str, package: str) -> None:
        super().__init__(
            f"{label} connections come later. Fix: until then, call {label} from a service by its own library "
            f"(pip install {package}), or make it a kind of your own, as in notebooks/05-your-own-connector.ipynb"
        )


class NotYetImported(NotYet, ImportError):
    """The same, asked for by `from workbench import ...`."""


class NotYetAttribute(NotYet, AttributeError):
    """The same, asked for as an attribute of a service."""


class DeployRefused(WorkbenchError):
    """Classes that cannot go live; nothing of their cell or file did."""


class ServiceUsage(WorkbenchError):
    """A service used its own interface in a way that cannot work; the text says what to write instead."""


class ConnectionFailed(WorkbenchError):
    """An outside system refused, hung up, or answered what cannot be read."""


class DeadlineExceeded(ConnectionFailed):
    """An outside system did not answer within the time its connection allows."""


class StoreUnavailable(WorkbenchError):
    """The store gave no answer in time."""


class CallerError(WorkbenchError):
    """An error whose text the caller is told; raise a subclass in a service to answer with its status."""

    mood = "attention"
    status: ClassVar[int] = 400
    phrase: ClassVar[str] = "Bad Request"

    def __init__(self, *args: object, needs_msg: bool = True) -> None:
        """Take the sentence for the caller.

        Zato's forms `(cid, message)`, `(cid, message, status)` and `(cid, message, needs_msg)` are understood too.
        With `needs_msg=False` the caller sees only the phrase of the status.
        """
        third = args[2] if len(args) == 3 else None
        if isinstance(third, int):
            args = args[:2]
        if isinstance(third, bool):
            needs_msg = third
        elif isinstance(third, int) and 400 <= third <= 599:
            # A status without words of its own has those of its hundred (RFC 9110, 15).
            self.status, self.phrase = third, responses.get(third, responses[third // 100 * 100])  # type: ignore[misc]  # of this one alone
        words = str(args[-1]) if args and needs_msg else ""
        self.details = mask(words) or self.phrase
        super().__init__(self.details)

    def headers(self) -> list[tuple[str, str]]:
        """What the answer carries besides the usual."""
        return []


class BadRequest(CallerError):
    """400: the request cannot be understood."""


class InvalidInput(BadRequest):
    """400: the input misses something or has a wrong value; every bad element is named."""

    def __init__(self, service: str, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__(f"Invalid input: {'; '.join(problems)}")


class Unauthorized(CallerError):
    """401: no credentials, or wrong ones; `challenge` goes into WWW-Authenticate."""

    status, phrase = 401, "Unauthorized"

    def __init__(self, *args: object, challenge: str = "", needs_msg: bool = True) -> None:
        # Zato's form is (cid, message, challenge).
        third = args[2] if len(args) == 3 else None
        if isinstance(third, str):
            args, challenge = args[:2], third
        self.challenge = challenge
        super().__init__(*args, needs_msg=needs_msg)

    def headers(self) -> list[tuple[str, str]]:
        return [("WWW-Authenticate", self.challenge)] if self.challenge else []


class Forbidden(CallerError):
    """403: known, but not allowed."""

    status, phrase = 403, "Forbidden"


class NotFound(CallerError):
    """404: nothing is there."""

    status, phrase = 404, "Not Found"


class MethodNotAllowed(CallerError):
    """405: the address exists, with other methods."""

    status, phrase = 405, "Method Not Allowed"

    def __init__(self, *args: object, allow: Sequence[str] = (), needs_msg: bool = True) -> None:
        self.allow = tuple(allow)
        super().__init__(*args, needs_msg=needs_msg)

    def headers(self) -> list[tuple[str, str]]:
        return [("Allow", ", ".join(self.allow))]


class Conflict(CallerError):
    """409: it contradicts what is there."""

    status, phrase = 409, "Conflict"


class ContentTooLarge(CallerError):
    """413: the body is over the channel's bound."""

    status, phrase = 413, "Content Too Large"


class URITooLong(CallerError):
    """414: the request line is over the server's bound."""

    status, phrase = 414, "URI Too Long"


class UnsupportedMediaType(CallerError):
    """415: the body is of a kind, or coded in a way, that the channel does not read."""

    status, phrase = 415, "Unsupported Media Type"

    def __init__(self, *args: object, accept_encoding: Sequence[str] = (), needs_msg: bool = True) -> None:
        self.accept_encoding = tuple(accept_encoding)
        super().__init__(*args, needs_msg=needs_msg)

    def headers(self) -> list[tuple[str, str]]:
        # RFC 9110, 15.5.16: so that a sender learns what to send instead.
        return [("Accept-Encoding", ", ".join(self.accept_encoding))] if self.accept_encoding else []


class TooManyRequests(CallerError):
    """429: a limit is reached; the caller never learns which."""

    status, phrase = 429, "Too Many Requests"

    def __init__(self, *args: object, extra_headers: Sequence[tuple[str, str]] = ()) -> None:
        self.extra_headers = list(extra_headers)
        super().__init__("Error 429 Too Many Requests")

    def headers(self) -> list[tuple[str, str]]:
        return self.extra_headers


class HeadersTooLarge(CallerError):
    """431: the headers are over the server's bound."""

    status, phrase = 431, "Request Header Fields Too Large"


class ServiceUnavailable(WorkbenchError):
    """503: try again after `retry_after_seconds`."""

    status: ClassVar[int] = 503
    phrase: ClassVar[str] = "Service Unavailable"

    def __init__(self, details: str = "Service Unavailable", retry_after_seconds: int = 1) -> None:
        self.details, self.retry_after_seconds = details, retry_after_seconds
        super().__init__(details)

    def headers(self) -> list[tuple[str, str]]:
        """Retry-After, in seconds."""
        return [("Retry-After", str(self.retry_after_seconds))]


class InsufficientStorage(ServiceUnavailable):
    """507: there is no room for a body that does not fit in memory."""

    status, phrase = 507, "Insufficient Storage"

    def __init__(self) -> None:
        super().__init__(self.phrase, retry_after_seconds=60)


def refusal(denied: str, headers: Sequence[tuple[str, str]]) -> WorkbenchError:
    """The error of a call that a limit refused, by the reason of its decision: `limit`, `address` or `store`."""
    if denied == "address":
        return Forbidden("Error 403 Forbidden")
    if denied == "store":
        return ServiceUnavailable("Service Unavailable")
    return TooManyRequests(extra_headers=headers)


class TimedOut(WorkbenchError):
    """504: the service did not end within its time; it goes on alone and its result is discarded."""

    status: ClassVar[int] = 504
    phrase: ClassVar[str] = "Gateway Timeout"
    details = "Gateway Timeout"

    def __init__(self, service: str, seconds: float) -> None:
        self.service, self.seconds = service, seconds
        super().__init__(
            f"Service {service!r} did not end within {seconds:g} s. A thread cannot be stopped: it goes on, its result "
            f"is discarded. Fix: bound its waits, check self.cancelled in loops, or the channel's timeout_seconds."
        )

    def headers(self) -> list[tuple[str, str]]:
        """None beyond the usual."""
        return []
