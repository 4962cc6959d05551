"""The one recorder: what a service asks of what it holds, kept as it is asked, or answered from an earlier record.

It stands between a service and its connections, of any kind and in both colours: `self.out.ftp["name"]` gives a `Held`,
which passes everything on. What is asked past it, as through a library's own client, is a step in the trace without a
record, and says so when a call is to be run again from a later step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import iscoroutinefunction
from types import GeneratorType
from typing import Any

from workbench.core.call import Call
from workbench.core.current import ASKING, MOST_STEPS
from workbench.core.payload.asked import Asked

WAYS = ("conn", "aio", "pool")
"""Attributes that lead to more that can be asked."""

UNRECORDED = ("close", "aclose")
OPERATORS = ("__getitem__", "__setitem__", "__delitem__", "__contains__", "__len__", "__iter__", "__call__")
BLOCKS = ("__enter__", "__exit__", "__aenter__", "__aexit__")


@contextmanager
def asking(call: Call, connection: str, operation: str, sent: Any) -> Iterator[Asked]:
    """The record of what the service of `call` asks now, for as long as that lasts.

    If it `is_told`, take the answer with `give`; otherwise ask, and say with `returned` what came back.

    Raises:
        RecordDiffers: The record that answers this call has something else in this place.
    """
    step, told = call.step, None
    if call.replay is not None:
        told = call.replay.next(connection, operation, sent, call.cid)
    asked = told.again() if told is not None else Asked(connection, operation, sent, call.cid)
    if step.asked is None:
        step.asked = []
    if len(step.asked) < MOST_STEPS:
        step.asked.append(asked)
    if asked.is_told:
        step.steps += asked.steps
        yield asked
        return
    traffic, token = call.surroundings.traffic, ASKING.set(asked)
    try:
        yield asked
    except Exception as exc:
        asked.raised(exc, traffic.record_bytes)
        raise
    finally:
        ASKING.reset(token)
        traffic.grow(asked.size)


def held(call: Call, connection: str, live: Any, awaited: bool = False) -> Any:
    """A connection as the service of `call` holds it; `awaited` where all its methods are to be."""
    cls: Any = type(live)
    if (like := _LIKE.get(cls)) is None:
        like = _LIKE[cls] = _class_for(cls)
    return like(call, connection, live, awaited)


class Held:
    """A connection as a service holds it: everything it has, and each call of a method is recorded.

    It passes for an object of the connection's own class. A class of live objects may say more of itself: `local` names
    methods that ask nothing, as `pipeline`, and `asks` the only ones that do, each with what it sends besides its
    arguments, as `execute` of a pipeline.
    """

    __slots__ = ("_held_awaited", "_held_call", "_held_live", "_held_name")

    def __init__(self, call: Call, connection: str, live: Any, awaited: bool = False) -> None:
        object.__setattr__(self, "_held_awaited", awaited)
        object.__setattr__(self, "_held_call", call)
        object.__setattr__(self, "_held_name", connection)
        object.__setattr__(self, "_held_live", live)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._held_live)

    def __getattr__(self, name: str) -> Any:
        live = self._held_live
        found = getattr(live, name)
        if hasattr(type(found), "hold"):
            # What it asks of its connection, it asks through us.
            found.hold(self)
            return found
        if name in WAYS:
            return held(self._held_call, self._held_name, found, self._held_awaited or name == "aio")
        if not callable(found) or isinstance(found, type) or name in UNRECORDED or name.startswith("_"):
            return found
        cls: Any = type(live)
        asks, local = getattr(cls, "asks", None), getattr(cls, "local", None)
        if name in (local or ()) or (asks is not None and name not in asks):
            return partial(self._passed, found)
        return partial(self._ask, name, found)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._held_live, name, value)

    def __dir__(self) -> list[str]:
        return dir(self._held_live)

    def __repr__(self) -> str:
        return repr(self._held_live)

    def __str__(self) -> str:
        return str(self._held_live)

    def __eq__(self, other: object) -> bool:
        return bool(self._held_live == getattr(other, "_held_live", other))

    def __hash__(self) -> int:
        return hash(self._held_live)

    def _ask(self, operation: str, method: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        call, name, live = self._held_call, self._held_name, self._held_live
        sent: Any = (args, named)
        if (asks := getattr(type(live), "asks", None)) is not None:
            sent = ((*args, asks[operation](live)), named)
        if self._held_awaited or iscoroutinefunction(method):
            return self._awaited(operation, method, sent, args, named)
        with asking(call, name, operation, sent) as asked:
            return asked.give(self._told(live)) if asked.is_told else self._kept(asked, method(*args, **named))

    async def _awaited(
        self, operation: str, method: Callable[..., Any], sent: Any, args: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:
        with asking(self._held_call, self._held_name, operation, sent) as asked:
            asked.awaited = True
            if asked.is_told:
                return asked.give(self._told(self._held_live))
            return self._kept(asked, await method(*args, **named))

    def _told(self, live: Any) -> Held:
        """What was queued to be asked is answered, and must not be asked later."""
        if getattr(type(live), "asks", None) is not None:
            live.reset()
        return self

    def _kept(self, asked: Asked, value: Any) -> Any:
        """The answer, once it is in the record."""
        if isinstance(value, GeneratorType):
            asked.begun()
            return self._items(asked, value)
        asked.returned(value, self._held_call.surroundings.traffic.record_bytes)
        return value

    def _items(self, asked: Asked, items: Iterator[Any]) -> Iterator[Any]:
        traffic = self._held_call.surroundings.traffic
        while True:
            token, before = ASKING.set(asked), asked.size
            try:
                value = next(items)
            except StopIteration:
                asked.ended()
                return
            finally:
                ASKING.reset(token)
            asked.item(value, traffic.record_bytes)
            traffic.grow(asked.size - before)
            yield self._with_us(value)

    def _with_us(self, value: Any) -> Any:
        """An item that can do something to its connection by itself does so through us."""
        for each in value if isinstance(value, tuple) else (value,):
            if (hold := getattr(each, "hold", None)) is not None and hasattr(type(each), "of_record"):
                hold(self)
        return value

    def _passed(self, method: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
        return self._or_us(method(*args, **named))

    def _or_us(self, value: Any) -> Any:
        if value is self._held_live:
            return self
        return held(self._held_call, self._held_name, value) if hasattr(type(value), "asks") else value


def _class_for(cls: type[Any]) -> type[Held]:
    """`Held`, with those of Python's own methods that a class has: they are looked up on the class alone."""
    # Of the class and its bases: every class can be called itself, as far as `hasattr` knows.
    there = {name for base in cls.__mro__ for name in vars(base)}
    own: dict[str, Any] = {"__slots__": ()}
    own |= {name: _operator(name) for name in OPERATORS if name in there}
    own |= {name: _block(name) for name in BLOCKS if name in there}
    return type("Held", (Held,), own)


_LIKE: dict[type[Any], type[Held]] = {}
"""The class of what is held, by the class of the live object."""


def _operator(name: str) -> Callable[..., Any]:
    def called(self: Held, *args: Any, **named: Any) -> Any:
        return self._ask(name, getattr(self._held_live, name), *args, **named)

    return called


def _block(name: str) -> Callable[..., Any]:
    if name.startswith("__a"):

        async def later(self: Held, *args: Any) -> Any:
            return self._or_us(await getattr(self._held_live, name)(*args))

        return later

    def called(self: Held, *args: Any) -> Any:
        return self._or_us(getattr(self._held_live, name)(*args))

    return called
