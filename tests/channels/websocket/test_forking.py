"""A forked child has none of its parent's clients, takes its own, and leaves those of its parent alone."""

from __future__ import annotations

import os

import pytest
from websockets.frames import Opcode

from tests.app.test_forking import child
from tests.channels.websocket.conftest import Bench
from workbench.channels.websocket.asking import ClientGone

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


def test_a_child_has_clients_of_its_own_alone(bench: Bench) -> None:
    bench.define(ping_seconds=10, max_clients=1)
    with bench.connect() as client:
        assert client.ask(1).ok
        (its,) = bench.live.clients

        def work() -> bool:
            assert (bench.live.clients, bench.live.broadcast("news")) == ([], 0)
            with pytest.raises(ClientGone):
                its.send("news")
            bench.wb.start()
            with bench.raw() as raw:
                bench.clock.advance(10)
                ping = raw.next()
                assert ping is not None
                assert ping.opcode is Opcode.PING
            bench.wb.close()
            return True

        with child(work) as (_, said):
            assert said == "True"
        bench.live.broadcast("after all")
        assert client.receive().data == "after all"
        assert client.ask(2).data == 2
