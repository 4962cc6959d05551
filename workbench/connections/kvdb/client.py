"""redis-py with more: steps in the trace, errors that name the server, waits as told, a server that comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar

import redis
from redis.client import Pipeline
from redis.connection import UnixDomainSocketConnection

from workbench.connections.common.errors import AccessRefused
from workbench.connections.kvdb.waits import Patient, wait_of, waiting, word_of
from workbench.core.current import CURRENT, begin
from workbench.core.errors import ConnectionFailed, DeadlineExceeded
from workbench.core.trace import Outgoing

if TYPE_CHECKING:
    from workbench.connections.kvdb.server import EmbeddedServer

REVIVE_SECONDS = 5.0
SHOWN_COMMANDS = 100
"""Commands of a pipeline whose arguments the trace keeps; of a longer one no answers are kept."""

FIX = "Fix: check that it runs, or set WORKBENCH_REDIS to another"
LOGIN_FIX = "Fix: correct the user name or password in WORKBENCH_REDIS, which is read again at the next use"
# What follows these is a password, a script or a value, not a key.
UNTOLD = {"AUTH", "HELLO", "EVAL", "EVALSHA", "SCRIPT", "FUNCTION", "ACL", "CONFIG", "MIGRATE", "ECHO", "PING"}
# What goes with these, or comes back, may be a password: nothing of it is kept.
PRIVATE = {"AUTH", "HELLO", "ACL", "CONFIG", "MIGRATE"}


class RedisGone(ConnectionFailed, redis.exceptions.ConnectionError):
    """Redis refused, hung up, or is not there; code written for redis-py catches it as its ConnectionError."""

    __repr__ = Exception.__repr__


class RedisLate(DeadlineExceeded, redis.exceptions.TimeoutError):
    """Redis did not answer in time; code written for redis-py catches it as its TimeoutError."""

    __repr__ = Exception.__repr__


class RedisRefused(AccessRefused, redis.exceptions.AuthenticationError):
    """Redis does not let us in; code written for redis-py catches it as its AuthenticationError."""

    __repr__ = Exception.__repr__


def _step(name: str, detail: str, commands: tuple[Any, ...]) -> Outgoing | None:
    """A step of the call that is running; None if there is none."""
    if CURRENT.get() is None:
        return None
    asked = {} if _is_private(name) else {"arguments": commands}
    return begin("redis", f"Redis {name}" if detail else "Redis", asked, connection="Redis", operation=name)


def _is_private(name: Any) -> bool:
    return word_of(name).partition(" ")[0] in PRIVATE


def _failed(address: str, step: Outgoing | None, exc: BaseException) -> BaseException:
    """What to raise for it; redis-py's own errors of a bad command stay as they are."""
    if isinstance(exc, redis.exceptions.TimeoutError):
        exc = RedisLate(f"{address} did not answer in time: {exc}. {FIX}")
    elif isinstance(exc, redis.exceptions.AuthenticationError) and not isinstance(exc, ConnectionFailed):
        exc = RedisRefused(f"{address} refused the user name or password: {str(exc).rstrip('.')}. {LOGIN_FIX}")
    elif isinstance(exc, redis.exceptions.ConnectionError) and not isinstance(exc, ConnectionFailed):
        exc = RedisGone(f"{address} is not there: {exc}. {FIX}")
    if step is not None:
        step.fail(exc)
    return exc


class Client(Patient):
    """`self.kvdb.conn`."""

    address = "Redis"
    local: ClassVar[tuple[str, ...]] = ("pipeline",)
    """What asks the server nothing by itself."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command, as one step of the call that is running."""
        # Written out, not wrapped: a context manager and a closure would cost as much as the command's own Python.
        detail = _key(args) if CURRENT.get() is not None else ""
        step = _step(args[0], detail, args[1:])
        try:
            answer = super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except BaseException as exc:
            if (failure := _failed(self.address, step, exc)) is exc:
                raise
            raise failure from exc
        if step is not None:
            if not _is_private(args[0]):
                step.answered(answer)
            step.end(detail or args[0])
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> RecordedPipeline:
        """Commands that travel together, and with `transaction` take effect together."""
        pipeline = RecordedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        pipeline.address = self.address
        return pipeline


class RecordedPipeline(Pipeline, Patient):
    """A pipeline that is one step in the trace."""

    address = "Redis"
    asks: ClassVar[dict[str, Callable[[Pipeline], Any]]] = {
        "execute": lambda pipeline: [command for command, _ in pipeline.command_stack]
    }
    """What asks the server something, and what is sent by it: the commands that were queued."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what was queued, and give the answers."""
        count = len(self.command_stack)
        detail = f"{count} command{'' if count == 1 else 's'}"
        commands = tuple(command for command, _ in islice(self.command_stack, SHOWN_COMMANDS))
        is_private = any(_is_private(command[0]) for command in commands)
        step = _step("pipeline", detail, () if is_private else commands)
        try:
            answers: list[Any] = super().execute(raise_on_error)
        except BaseException as exc:
            if (failure := _failed(self.address, step, exc)) is exc:
                raise
            raise failure from exc
        if step is not None:
            if not is_private and count <= SHOWN_COMMANDS:
                step.answered(answers)
            step.end(detail)
        return answers

    def _execute_pipeline(self, connection: Any, commands: Any, raise_on_error: bool) -> Any:
        send: Callable[..., Any] = super()._execute_pipeline
        waits = [wait_of(args) for args, _ in commands]
        if not any(each != 0 for each in waits):
            return send(connection, commands, raise_on_error)
        # They wait one after another; within MULTI, none of them does.
        with waiting(connection, None if None in waits else sum(each or 0 for each in waits)):
            return send(connection, commands, raise_on_error)


class RevivedConnection(UnixDomainSocketConnection):
    """Connects to the embedded server; finds it gone, has it started again once, and connects to that one.

    Args:
        ended: Once it is set nothing connects any more: the server may be somebody else's.
    """

    def __init__(self, *, server: EmbeddedServer, ended: Event | None = None, **options: Any) -> None:
        self._server, self._ended = server, ended
        super().__init__(**options)  # type: ignore[no-untyped-call]

    def _connect(self) -> Any:
        if self._ended is not None and self._ended.is_set():
            raise ConnectionFailed("The call that this Redis played for is over. Fix: end its threads with it.")
        try:
            return super()._connect()  # type: ignore[no-untyped-call]
        except OSError:
            self._server.revive(time.monotonic() + REVIVE_SECONDS)
            return super()._connect()  # type: ignore[no-untyped-call]


def _key(args: tuple[Any, ...]) -> str:
    if len(args) < 2 or word_of(args[0]).partition(" ")[0] in UNTOLD:
        return ""
    key = args[1].decode(errors="replace") if isinstance(args[1], bytes) else str(args[1])
    key = key if len(key) <= 60 else f"{key[:57]}..."
    return key if key.isprintable() else repr(key)
