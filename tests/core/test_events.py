"""Subscribers are told in order, and a failing one does not stop the others."""

from __future__ import annotations

import logging
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from workbench.core.events import Events


class Happened:
    pass


def test_subscribers_are_told_in_order_until_they_leave(caplog: pytest.LogCaptureFixture) -> None:
    events, told = Events(), []

    def fails(event: Happened) -> None:
        raise ValueError("boom")

    events.subscribe(Happened, lambda event: told.append("first"))
    events.subscribe(Happened, fails)
    leave = events.subscribe(Happened, lambda event: told.append("second"))
    with caplog.at_level(logging.ERROR):
        events.emit(Happened())
    assert told == ["first", "second"]
    assert "a subscriber of Happened failed" in caplog.text
    leave()
    events.emit(Happened())
    assert told == ["first", "second", "first"]


def test_subscribers_of_several_threads_are_all_kept_and_all_gone() -> None:
    events, heard, before = Events(), list[str](), sys.getswitchinterval()

    def come_and_go(number: int) -> None:
        for _ in range(2_000):
            events.subscribe(str, lambda event: heard.append("should be gone"))()
        events.subscribe(str, heard.append)

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(come_and_go, range(8)))
    finally:
        sys.setswitchinterval(before)
    events.emit("said")
    assert heard == ["said"] * 8
