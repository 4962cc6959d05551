"""Subscribers are told in order, and a failing one does not stop the others."""

from __future__ import annotations

import logging

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
