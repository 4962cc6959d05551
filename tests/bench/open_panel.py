"""What an open panel costs the server: the same load with nobody looking and with a page open at a tab, in turn.

In the browser's place stands a sink: it waits for news as the page does, and asks for its tab anew when something has
changed, one question at a time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
import requests

from tests.bench.client import CLIENT, load
from tests.bench.figures import Row
from tests.bench.hello import SIGNED, Request
from tests.bench.processes import ROUND_SECONDS, Served, rotated, served
from workbench.app.serving.asking import ask
from workbench.app.serving.runtime_file import Running

ROUNDS, SHARE_ROUNDS, SHARE_SECONDS, CALM_SECONDS = 7, 5, 2.0, 0.05
TABS = ("services", "traffic")
SOONEST_SECONDS = 0.2
LOOK_SECONDS = 2.0
"""Longest wait for news [s]: shorter than a page's, so that a round ends soon."""
MOST = 0.05
"""How much of the throughput an open panel may cost."""


class Sink:
    """A page that draws nothing, open at a tab until the end of the block.

    Args:
        server: The server whose panel it is.
        tab: The tab that is open; '' if the page is not.
    """

    def __init__(self, server: Served, tab: str) -> None:
        [file] = Path(server.runtime_folder).glob("workbench-*.json")
        self._there = msgspec.json.decode(file.read_bytes(), type=Running)
        self._tab, self._over = tab, Event()
        self.drawn = 0
        self._thread = Thread(target=self._look, daemon=True)

    def __enter__(self) -> Sink:
        if self._tab:
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        if self._tab:
            self._thread.join(30)

    def _look(self) -> None:
        after, asked, number, is_changed = 0, 0.0, 0, True
        while not self._over.is_set():
            if is_changed and self.drawn == number and (early := asked + SOONEST_SECONDS - time.monotonic()) > 0:
                self._over.wait(early)
            if is_changed and self.drawn == number:
                asked, is_changed, number = time.monotonic(), False, number + 1
                self._post("ask", ask="panel", tab=self._tab, id=number)
            said = self._post("look", after=after, wait_seconds=LOOK_SECONDS)
            after = said["last"]
            for told in said["told"]:
                is_changed = is_changed or "facts" in told
                self.drawn += sum(each["id"] == number for each in told.get("batch", ()))

    def _post(self, what: str, **content: Any) -> Any:
        return ask(self._there, "POST", f"/workbench/{what}", {"viewer": "sink", **content}, 30)


def rows() -> Iterator[Row]:
    """One server, closed and open in turn, round by round."""
    request = Request("/hello", headers=SIGNED)
    ways = ("", *TABS)
    found: dict[str, list[float]] = {way: [] for way in ways}
    with served("ours") as (server,):
        # Once as many calls are kept as ever will be, a panel costs what it will always cost.
        load(server.port, request, 3 * ROUND_SECONDS)
        for number in range(ROUNDS + 1):
            for way in rotated(ways, number):
                with Sink(server, way) as sink:
                    loaded = load(server.port, request, ROUND_SECONDS)
                assert not way or sink.drawn, f"the panel at {way} was not drawn"
                if number:
                    found[way].append(loaded.calls / loaded.seconds)
        shares = _shares(server, ways)
    for tab in TABS:
        what, note = f"panel open at {tab}", f"asked by {CLIENT}; at most {MOST:.0%} slower"
        share = [(ours - closed) * 100 for ours, closed in zip(shares[tab], shares[""], strict=True)]
        of = f"{1 / CALM_SECONDS:.0f} calls a second, so that all that is drawn is drawn anew"
        yield Row(f"{what}: of the core that a kernel has", "%", share, wanted=100 * MOST, note=of)
        rates = found[tab], found[""]
        yield Row(
            f"{what}: calls",
            "/s",
            *rates,
            "panel closed",
            1 - MOST,
            more_is_better=True,
            only_if_steady=True,
            note=note,
        )


def _shares(server: Served, ways: Sequence[str]) -> dict[str, list[float]]:
    """How much of one core the server takes with few calls, closed and open in turn: CPU time, which others do not
    change as much as what is answered a second.
    """
    found: dict[str, list[float]] = {way: [] for way in ways}
    with requests.Session() as session:
        for number in range(SHARE_ROUNDS):
            for way in rotated(ways, number):
                with Sink(server, way):
                    cpu, began = server.cpu_seconds(), time.monotonic()
                    while (took := time.monotonic() - began) < SHARE_SECONDS:
                        session.get(f"http://127.0.0.1:{server.port}/hello", headers=SIGNED, timeout=10)
                        time.sleep(CALM_SECONDS)
                    found[way].append((server.cpu_seconds() - cpu) / took)
    return found
