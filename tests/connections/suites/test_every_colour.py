"""What every kind does for `async def handle`: it refuses what would block the loop, and can be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import get_ident
from typing import Any

import pytest

from tests.connections.suites.cases import CASES, Case
from tests.connections.suites.examples import EXAMPLES, FILES, played
from tests.connections.surroundings import surroundings
from workbench.connections.common.colours import Aio
from workbench.connections.definition import Live
from workbench.core.call import INVOKE, Call
from workbench.core.current import CURRENT
from workbench.core.errors import ServiceUsage
from workbench.runtime.traffic import Log

BLOCKS = r"Service 'api.waits' is async, and .* would block the server\. Fix: .*await"
CONTENTS = b"one\ntwo\n" + b"x" * 300_000 + b"\nend"


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def call() -> Iterator[Call]:
    """The call of a service whose `handle` is async."""
    around: Any = surroundings(log=Log())
    call = Call("api.waits", None, cid="c", channel=INVOKE, services={}, surroundings=around)
    call.on_loop = True
    token = CURRENT.set(call)
    yield call
    CURRENT.reset(token)


every = pytest.mark.parametrize("case", CASES, indirect=True)
every_storage = pytest.mark.parametrize("kind", FILES)


@every
def test_what_would_block_the_loop_is_refused(case: Case, call: Call) -> None:
    with played(case.definition) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        conn = live.live(case.definition.name)

        async def handle() -> None:
            for act in (case.use, lambda conn: conn.ping()):
                with pytest.raises(ServiceUsage, match=BLOCKS):
                    act(conn)

        asyncio.run(handle())
        assert case.arrived(peer) == 0


class Awaited:
    """A connection whose methods give what is to be awaited; it takes one call."""

    def __init__(self, aio: Any) -> None:
        self._aio, self.made = aio, None

    def __getattr__(self, name: str) -> Any:
        def begin(*args: Any, **kwargs: Any) -> None:
            self.made = getattr(self._aio, name)(*args, **kwargs)

        return begin


@every
def test_the_same_can_be_awaited(case: Case, call: Call) -> None:
    with played(case.definition) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        conn = live.live(case.definition.name)

        async def handle() -> str:
            case.use(awaited := Awaited(conn.aio))
            await awaited.made
            assert case.arrived(peer) == 1
            return str(await conn.aio.ping())

        assert asyncio.run(handle())


@every
def test_every_live_object_is_of_one_family(case: Case) -> None:
    with played(case.definition) as (live, _):
        conn = live.live(case.definition.name)
        assert isinstance(conn, Live)
        assert isinstance(conn.aio, Aio)
        assert conn.conn is conn
        assert (conn.definition.name, repr(conn)) == (case.definition.name, f"{case.definition}, open")


@every_storage
def test_a_stream_is_awaited_too(kind: str, call: Call) -> None:
    with played(EXAMPLES[kind]) as (live, sandbox):
        peer: Any = sandbox[EXAMPLES[kind].name]
        conn = live.live(EXAMPLES[kind].name)

        async def handle() -> list[bytes]:
            async with await conn.aio.open("a.txt", "wb") as stream:
                assert await stream.write(CONTENTS) == len(CONTENTS)
            async with await conn.aio.open("a.txt") as stream:
                assert await stream.read(4) == b"one\n"
                lines = [line async for line in stream]
                assert await stream.read() == b""
            assert stream.closed
            return lines

        lines = asyncio.run(handle())
        assert dict(peer.files) == {"a.txt": CONTENTS}
        assert b"".join(lines) == CONTENTS[4:]
        assert lines[0] == b"two\n"


@every_storage
def test_a_stream_that_fails_leaves_nothing(kind: str, call: Call) -> None:
    with played(EXAMPLES[kind]) as (live, sandbox):
        peer: Any = sandbox[EXAMPLES[kind].name]
        conn = live.live(EXAMPLES[kind].name)

        async def handle() -> None:
            async with await conn.aio.open("a.txt", "wb") as stream:
                await stream.write(b"x" * 600_000)
                raise LookupError

        with pytest.raises(LookupError):
            asyncio.run(handle())
        assert dict(peer.files) == {}


@every_storage
def test_a_stream_of_another_thread_is_not_read_on_the_loop(kind: str, call: Call) -> None:
    with played(EXAMPLES[kind]) as (live, sandbox):
        peer: Any = sandbox[EXAMPLES[kind].name]
        peer.put("a.txt", "text")
        conn = live.live(EXAMPLES[kind].name)

        async def handle() -> None:
            reading = await asyncio.to_thread(conn.open, "a.txt")
            for read in (reading.read, reading.readline, lambda: reading.read(1), lambda: next(reading)):
                with pytest.raises(ServiceUsage, match=BLOCKS):
                    read()
            assert await asyncio.to_thread(reading.read) == b"text"
            writing = await asyncio.to_thread(conn.open, "b.txt", "wb")
            for write in (lambda: writing.write(b"x"), writing.close):
                with pytest.raises(ServiceUsage, match=BLOCKS):
                    write()
            await asyncio.to_thread(writing.abort)

        asyncio.run(handle())
        assert dict(peer.files) == {"a.txt": b"text"}


def test_a_file_behind_an_address_is_awaited_too(call: Call) -> None:
    with played(EXAMPLES["rest"]) as (live, sandbox):
        peer: Any = sandbox[EXAMPLES["rest"].name]
        peer.reply("/big", data=CONTENTS)
        conn = live.live(EXAMPLES["rest"].name)

        async def handle() -> bytes:
            async with await conn.for_call("c").aio.open("/big") as stream:
                return bytes(await stream.read())

        assert asyncio.run(handle()) == CONTENTS


def test_what_is_awaited_runs_on_another_thread() -> None:
    class Target:
        limit = 3

        def here(self) -> int:
            return get_ident()

        def many(self) -> Iterator[int]:
            yield get_ident()

    async def handle() -> list[int]:
        aio = Aio(Target())
        assert aio.limit == 3
        return [await aio.here(), *await aio.many()]

    assert get_ident() not in asyncio.run(handle())
