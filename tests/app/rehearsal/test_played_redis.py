"""The Redis of played calls: empty for each, on a server that is kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import until
from workbench.app.rehearsal.played_redis import PlayedRedis, SpareRedises
from workbench.connections.kvdb.server import found_server
from workbench.core.errors import ConnectionFailed

pytestmark = pytest.mark.skipif(found_server(os.environ) is None, reason="needs redis-server or valkey-server")


@pytest.fixture
def spares() -> Iterator[SpareRedises]:
    found = SpareRedises()
    yield found
    found.close()


def test_who_plays_next_finds_the_server_of_the_one_before_empty(spares: SpareRedises) -> None:
    urls = set()
    for _ in range(5):
        played = PlayedRedis(spares, lambda client: client.set("seeded", "1"))
        assert played.conn.keys("*") == ["seeded"]
        played.conn.select(3)
        played.conn.set("kept", "1")
        urls.add(played.url)
        played.close()
    assert len(urls) == 1


def test_two_at_once_never_share_a_server(spares: SpareRedises) -> None:
    one, two = PlayedRedis(spares), PlayedRedis(spares)
    one.conn.set("k", "one")
    assert two.conn.get("k") is None
    one.close()
    three = PlayedRedis(spares)
    two.conn.set("k", "two")
    assert three.conn.get("k") is None
    two.close()
    three.close()


def test_a_thread_that_a_call_left_behind_writes_to_nobody(spares: SpareRedises) -> None:
    played = PlayedRedis(spares)
    left = played.conn
    left.set("k", "1")
    played.close()
    after = PlayedRedis(spares)
    assert after.conn.get("k") is None
    with pytest.raises(ConnectionFailed, match="is over"):
        left.set("k", "2")
    assert after.conn.get("k") is None
    after.close()


def test_what_a_call_left_behind_starts_no_server_again(spares: SpareRedises) -> None:
    played = PlayedRedis(spares)
    held = played.conn.pubsub()
    held.subscribe("news")
    held.get_message(timeout=30)
    place = Path(played.url.removeprefix("unix://"))
    played.close()
    until(lambda: not place.exists(), "the server has ended")
    with pytest.raises(ConnectionFailed, match="is over"):
        held.get_message(timeout=30)
    with pytest.raises(ConnectionFailed, match="is over"):
        held.subscribe("more")
    assert not place.exists()
    held.close()


def test_a_server_that_a_call_still_uses_or_has_set_otherwise_is_not_kept(spares: SpareRedises) -> None:
    played = PlayedRedis(spares)
    first, held = played.url, played.conn.pubsub()
    held.subscribe("news")
    held.get_message(timeout=30)
    played.close()
    after = PlayedRedis(spares)
    after.conn.config_set("maxmemory", "64mb")
    second = after.url
    assert second != first
    after.close()
    last = PlayedRedis(spares)
    assert last.url not in (first, second)
    assert last.conn.config_get("maxmemory") == {"maxmemory": "0"}
    last.close()
    held.close()


def test_a_server_that_has_forgotten_how_it_was_set_is_not_kept(spares: SpareRedises) -> None:
    played = PlayedRedis(spares)
    played.conn.config_set("maxmemory", "64mb")
    played.conn.config_resetstat()
    played.close()
    after = PlayedRedis(spares)
    assert after.conn.config_get("maxmemory") == {"maxmemory": "0"}
    after.close()


def test_a_server_that_runs_is_known_to_run_at_once(spares: SpareRedises) -> None:
    """It was asked by a read that waited for a minute, so that one revived late held every call."""
    played = PlayedRedis(spares)
    assert played.conn.ping()
    server = played._server
    assert server is not None
    before = time.monotonic()
    server.ensure()
    assert time.monotonic() - before < 20
    played.close()
