"""A workbench with services to click on, and a desk that answers as it does behind a card."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from workbench import RESTChannel, Service, Workbench
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.verbs import VERBS


class Hello(Service):
    """Say hello."""

    name = "api.hello"

    def handle(self) -> object:
        self.log.info("said hello")
        return f"Hello {self.request.raw_request or 'there'}!"


class Failing(Service):
    name = "api.failing"

    def handle(self) -> None:
        raise ValueError("no such order")


class Asking:
    """Asks the desk as a card does, and waits for the answer."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def __call__(self, ask: str, **content: Any) -> dict[str, Any]:
        answers = self.start(ask, **content)
        while "so far" in (said := answers.get(timeout=30)):
            pass
        return said

    def start(self, ask: str, **content: Any) -> SimpleQueue[dict[str, Any]]:
        """Ask without waiting."""
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.desk.answer({"ask": ask, **content}, answers.put)
        return answers


@pytest.fixture
def wb() -> Iterator[Workbench]:
    with Workbench(port=0) as made:
        made.deploy(Hello, Failing)
        made.define(RESTChannel("api.hello"))
        yield made


@pytest.fixture
def desk(wb: Workbench) -> Iterator[Desk]:
    made = Desk(wb, Courier(), VERBS)
    yield made
    made.close()


@pytest.fixture
def ask(desk: Desk) -> Asking:
    return Asking(desk)
