from __future__ import annotations

import itertools
import time
from queue import SimpleQueue
from threading import Event, Thread, current_thread, enumerate
from typing import Any

import pytest

from workbench.ui.courier import Courier

WAIT_SECONDS = 30.0


def names() -> set[str]:
    """Of the threads that run."""
    return {each.name for each in enumerate()}


class Card:
    """Keeps what it is brought."""

    def __init__(self, restless: bool = False) -> None:
        self.restless = restless
        self.brought: SimpleQueue[tuple[list[dict[str, Any]], bool, float, str]] = SimpleQueue()

    def deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        self.brought.put((messages, facts, time.monotonic(), current_thread().name))


class Broken(Card):
    """Its front end is gone."""

    def deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        super().deliver(messages, facts)
        raise OSError("gone")


class Held(Card):
    """Keeps the courier until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = Event()

    def deliver(self, messages: list[dict[str, Any]], facts: bool) -> None:
        super().deliver(messages, facts)
        self.go_on.wait(WAIT_SECONDS)


@pytest.fixture
def courier() -> Any:
    made = Courier()
    yield made
    made.close()


def test_the_first_message_leaves_at_once() -> None:
    courier, card = Courier(pause_seconds=3600), Card()
    courier.post(card, {"n": 1})
    messages, facts, _, thread = card.brought.get(timeout=WAIT_SECONDS)
    assert (messages, facts, thread) == ([{"n": 1}], False, "workbench-ui")
    courier.close()


def test_many_messages_from_many_threads_leave_in_order_ten_times_a_second_at_most(courier: Courier) -> None:
    card, each = Card(), 200

    def post(thread: int) -> None:
        for number in range(each):
            courier.post(card, {"thread": thread, "n": number})

    threads = [Thread(target=post, args=(number,)) for number in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    messages: list[dict[str, Any]] = []
    instants = []
    while len(messages) < 4 * each:
        some, _, at, _ = card.brought.get(timeout=WAIT_SECONDS)
        messages += some
        instants.append(at)
    for thread in range(4):
        assert [each["n"] for each in messages if each["thread"] == thread] == list(range(each))
    assert len(instants) <= 10 * (time.monotonic() - began) + 2
    assert all(later - sooner >= 0.09 for sooner, later in itertools.pairwise(instants))


def test_an_answer_waits_for_no_drawing_before_or_beside_it() -> None:
    courier, card, held = Courier(pause_seconds=3600, draw_seconds=0), Card(), Held()
    try:
        courier.watch(card, True)
        assert card.brought.get(timeout=WAIT_SECONDS)[:2] == ([], True)
        courier.watch(held, True)
        assert held.brought.get(timeout=WAIT_SECONDS)[:2] == ([], True)
        courier.refresh(card)
        courier.post(card, {"n": 1})
        held.go_on.set()
        assert card.brought.get(timeout=WAIT_SECONDS)[:2] == ([{"n": 1}], False)
        assert card.brought.get(timeout=WAIT_SECONDS)[:2] == ([], True)
    finally:
        courier.close()


def test_messages_leave_ten_times_a_second_at_most_however_much_is_drawn() -> None:
    courier, card = Courier(draw_seconds=0), Card()
    try:
        courier.watch(card, True)
        instants: list[float] = []
        while len(instants) < 4:
            courier.refresh_all()
            courier.post(card, {})
            messages, _, at, _ = card.brought.get(timeout=WAIT_SECONDS)
            instants += [at] if messages else []
        assert all(later - sooner >= 0.09 for sooner, later in itertools.pairwise(instants))
    finally:
        courier.close()


def test_what_changes_is_drawn_five_times_a_second_at_most_and_answers_do_not_wait_for_it() -> None:
    courier, card = Courier(draw_seconds=3600), Card()
    try:
        courier.watch(card, True)
        assert card.brought.get(timeout=WAIT_SECONDS)[1] is True
        for number in range(3):
            courier.refresh_all()
            courier.post(card, {"n": number})
            messages, facts, _, _ = card.brought.get(timeout=WAIT_SECONDS)
            assert (messages, facts) == ([{"n": number}], False)
    finally:
        courier.close()


def test_what_takes_long_to_draw_is_drawn_less_often() -> None:
    courier, held = Courier(draw_seconds=0), Held()
    try:
        courier.watch(held, True)
        *_, began, _ = held.brought.get(timeout=WAIT_SECONDS)
        Event().wait(0.05)
        held.go_on.set()
        courier.refresh_all()
        *_, again, _ = held.brought.get(timeout=WAIT_SECONDS)
        # It took 0.05 s at least, which is a twentieth of the time until the next.
        assert again - began >= 0.99
    finally:
        courier.close()


def test_waiting_for_a_workbench_that_is_made_anew_is_no_drawing(courier: Courier) -> None:
    card = Card()
    with courier.drawing:
        courier.watch(card, True)
        courier.refresh_all()
        Event().wait(1.0)  # one that had taken so long would be drawn again after twenty times that
    card.brought.get(timeout=WAIT_SECONDS)
    courier.refresh_all()
    card.brought.get(timeout=10.0)


def test_who_begins_to_look_waits_for_no_drawing_that_is_due_later() -> None:
    courier, held, first, second = Courier(draw_seconds=3600), Held(), Card(), Card()
    try:
        courier.watch(held, True)
        held.brought.get(timeout=WAIT_SECONDS)
        courier.watch(first, True)
        held.go_on.set()
        assert first.brought.get(timeout=WAIT_SECONDS)[:2] == ([], True)
        courier.refresh_all()
        courier.watch(second, True)
        assert second.brought.get(timeout=WAIT_SECONDS)[:2] == ([], True)
        # It looks still, so it waits as the others do.
        courier.watch(first, True)
        courier.post(first, {"n": 1})
        assert first.brought.get(timeout=WAIT_SECONDS)[:2] == ([{"n": 1}], False)
        assert held.brought.empty()
    finally:
        courier.close()


def test_no_change_is_lost_while_a_drawing_is_not_due(courier: Courier) -> None:
    card, began = Card(), time.monotonic()
    courier.watch(card, True)
    instants = []
    for _ in range(6):
        assert card.brought.get(timeout=WAIT_SECONDS)[1] is True
        instants.append(time.monotonic())
        for _ in range(50):
            courier.refresh_all()
    assert instants[-1] - began >= 5 * 0.19


def test_many_changes_draw_a_card_that_is_looked_at_once(courier: Courier) -> None:
    held, seen, unseen = Held(), Card(), Card()
    courier.watch(seen, True)
    assert seen.brought.get(timeout=WAIT_SECONDS)[1] is True
    courier.post(held, {"n": 1})
    held.brought.get(timeout=WAIT_SECONDS)
    for _ in range(100):
        courier.refresh_all()
    held.go_on.set()
    assert seen.brought.get(timeout=WAIT_SECONDS)[1] is True
    courier.post(held, {"n": 2})
    held.brought.get(timeout=WAIT_SECONDS)
    assert seen.brought.empty()
    assert unseen.brought.empty()


def test_nothing_is_drawn_for_nobody(courier: Courier) -> None:
    card = Card()
    courier.watch(card, True)
    card.brought.get(timeout=WAIT_SECONDS)
    courier.watch(card, False)
    courier.refresh_all()
    courier.post(card, {"n": 1})
    assert card.brought.get(timeout=WAIT_SECONDS)[:2] == ([{"n": 1}], False)


def test_a_card_that_shows_silent_changes_is_drawn_without_an_event() -> None:
    courier, calm, restless = Courier(look_seconds=0.05), Card(), Card(restless=True)
    try:
        courier.watch(calm, True)
        courier.watch(restless, True)
        for _ in range(3):
            assert restless.brought.get(timeout=WAIT_SECONDS)[1] is True
        assert calm.brought.qsize() == 1
    finally:
        courier.close()


def test_a_card_whose_front_end_is_gone_does_not_stop_the_others(courier: Courier) -> None:
    broken, card = Broken(), Card()
    courier.post(broken, {"n": 1})
    broken.brought.get(timeout=WAIT_SECONDS)
    courier.post(broken, {"n": 2})
    courier.post(card, {"n": 3})
    assert card.brought.get(timeout=WAIT_SECONDS)[0] == [{"n": 3}]


def test_a_forgotten_card_gets_nothing(courier: Courier) -> None:
    card, held = Card(), Held()
    courier.post(held, {"n": 0})
    held.brought.get(timeout=WAIT_SECONDS)
    courier.post(card, {"n": 1})
    courier.forget(card)
    courier.post(held, {"n": 2})
    held.go_on.set()
    held.brought.get(timeout=WAIT_SECONDS)
    assert card.brought.empty()


def test_closing_ends_the_thread(courier: Courier) -> None:
    card = Card()
    courier.post(card, {})
    card.brought.get(timeout=WAIT_SECONDS)
    assert "workbench-ui" in names()
    courier.close()
    assert "workbench-ui" not in names()
