"""Commands that wait by their own words, longer than the client does otherwise; logins that are refused."""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from workbench.connections.common.errors import AccessRefused
from workbench.connections.kvdb.fake import fake_client
from workbench.connections.kvdb.live import Kvdb
from workbench.connections.kvdb.waits import wait_of
from workbench.core.errors import DeadlineExceeded
from workbench.core.masking import mask

SHORT, LONGER = 0.3, 0.7


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Kvdb]:
    """A server that somebody else runs."""
    kvdb = Kvdb(tmp_path, {"PATH": os.environ["PATH"]})
    yield kvdb
    kvdb.close()


@pytest.fixture
def kvdb(outside: Kvdb) -> Iterator[Kvdb]:
    """A client of it that waits for a short time only [s]."""
    kvdb = Kvdb(None, {"WORKBENCH_REDIS": f"{outside.url}?socket_timeout={SHORT}"})
    yield kvdb
    kvdb.close()


WAITING: dict[str, Callable[[Any], Any]] = {
    "blpop": lambda conn: conn.blpop("none", timeout=LONGER),
    "blpop of several": lambda conn: conn.blpop(["none", "nothing"], timeout=LONGER),
    "brpop": lambda conn: conn.brpop("none", timeout=LONGER),
    "brpoplpush": lambda conn: conn.brpoplpush("none", "other", timeout=1),
    "blmove": lambda conn: conn.blmove("none", "other", LONGER),
    "blmpop": lambda conn: conn.blmpop(LONGER, 1, "none", direction="LEFT"),
    "bzpopmin": lambda conn: conn.bzpopmin("none", timeout=LONGER),
    "bzpopmax": lambda conn: conn.bzpopmax("none", timeout=LONGER),
    "bzmpop": lambda conn: conn.bzmpop(LONGER, 1, ["none"], min=True),
    "xread": lambda conn: conn.xread({"stream": "$"}, block=int(LONGER * 1000)) or None,
    "lower case": lambda conn: conn.execute_command("blpop", "none", LONGER),
    "in a pipeline": lambda conn: (
        conn.pipeline(transaction=False).blpop("none", timeout=0.4).brpop("none", timeout=0.4).execute() == [None, None]
    ) or None,
    "wait": lambda conn: conn.wait(1, int(LONGER * 1000)) or None,
}  # fmt: skip


def test_commands_are_waited_for_as_long_as_they_say(kvdb: Kvdb) -> None:
    def timed(act: Callable[[Any], Any]) -> tuple[Any, float]:
        began = time.monotonic()
        return act(kvdb.conn), time.monotonic() - began

    with ThreadPoolExecutor(len(WAITING)) as threads:
        waiting = {name: threads.submit(timed, act) for name, act in WAITING.items()}
    for name, each in waiting.items():
        found, seconds = each.result()
        assert found is True if name == "in a pipeline" else not found, name
        assert seconds > SHORT * 1.5, name
    # The next command on the same connection is waited for no longer than any.
    held = kvdb.conn.connection_pool.get_connection()
    assert held._sock.gettimeout() == SHORT
    kvdb.conn.connection_pool.release(held)


def test_a_group_of_readers_waits_too(kvdb: Kvdb) -> None:
    kvdb.conn.xgroup_create("stream", "group", mkstream=True)
    assert not kvdb.conn.xreadgroup("group", "ann", {"stream": ">"}, count=5, block=int(LONGER * 1000))


def test_a_wait_without_end_lasts_until_something_comes(kvdb: Kvdb, outside: Kvdb) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(kvdb.conn.brpop, "later", timeout=0)
        while outside.conn.info("clients")["blocked_clients"] == 0 or time.monotonic() - began < SHORT * 2:
            assert time.monotonic() - began < 30
        assert not waiting.done()
        outside.conn.rpush("later", "v")
        assert tuple(waiting.result(30)) == ("later", "v")


def test_fakeredis_waits_as_told() -> None:
    conn = fake_client(None)
    began = time.monotonic()
    assert conn.blpop("none", timeout=1) is None
    assert time.monotonic() - began > 0.5
    conn.rpush("some", "v")
    [found] = conn.pipeline(transaction=False).blpop("some", timeout=1).execute()
    assert tuple(found) == ("some", "v")


def test_a_server_that_is_silent_beyond_the_wait_is_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kvdb = Kvdb(None, {"WORKBENCH_REDIS": f"redis://127.0.0.1:{silent.getsockname()[1]}/0?socket_timeout=0.2"})
        with pytest.raises(DeadlineExceeded, match="did not answer in time"):
            kvdb.conn.blpop("none", timeout=0.3)
        kvdb.close()


@pytest.mark.parametrize(
    ("args", "seconds"),
    [
        (("GET", "BLOCK"), 0.0),
        (("BLPOP", "a", "b", 5), 5.0),
        ((b"brpop", "a", "0"), None),
        (("BLMPOP", 2.5, 1, "k", "LEFT"), 2.5),
        (("BLMOVEM", "a", "b", "LEFT", "RIGHT", 7, "COUNT", 2, "OBO"), 7.0),
        (("XREAD", "COUNT", 1, b"BLOCK", "1500", b"STREAMS", "s", "$"), 1.5),
        (("XREADGROUP", "GROUP", "BLOCK", "c", "COUNT", 1, "BLOCK", 0, "STREAMS", "s", ">"), None),
        (("XREADGROUP", "GROUP", "BLOCK", "c", "STREAMS", "s", ">"), 0.0),
        (("XREAD", "STREAMS", "BLOCK", "0"), 0.0),
        (("WAITAOF", 1, 0, 2000), 2.0),
        (("BLPOP",), 0.0),
        (("BLPOP", "a", "soon"), 0.0),
    ],
)
def test_how_long_a_command_waits_is_read_from_it(args: tuple[Any, ...], seconds: float | None) -> None:
    assert wait_of(args) == seconds


def test_a_refused_login_names_what_to_correct_and_is_read_again(outside: Kvdb) -> None:
    path = outside.url.removeprefix("unix://")
    outside.conn.config_set("requirepass", "right-Canary-22")
    environ = {"WORKBENCH_REDIS": f"unix://:wrong-Canary-1@{path}"}
    kvdb = Kvdb(None, environ)
    words = (
        r"Redis at unix://:\*\*\*@/.* refused the user name or password: .* Fix: correct the user name or password in"
    )
    for act in (lambda: kvdb.conn.get("x"), lambda: kvdb.conn.pipeline().get("x").execute(), kvdb.ping):
        with pytest.raises(AccessRefused, match=f"{words} WORKBENCH_REDIS") as refused:
            act()
        assert isinstance(refused.value, redis.exceptions.AuthenticationError)
        assert "Canary" not in "".join(traceback.format_exception(refused.value))
    assert mask("it was wrong-Canary-1") == "it was ***"
    environ["WORKBENCH_REDIS"] = f"unix://{path}"
    with pytest.raises(AccessRefused, match="refused the user name or password: .*(NOAUTH|uthenticat)"):
        kvdb.conn.get("x")
    environ["WORKBENCH_REDIS"] = f"unix://:right-Canary-22@{path}"
    first = kvdb.conn
    assert first.set("x", "1")
    assert kvdb.conn is first
    del environ["WORKBENCH_REDIS"]
    assert kvdb.conn.get("x") == "1"
    kvdb.close()
