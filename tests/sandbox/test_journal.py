"""What a peer received."""

from __future__ import annotations

import threading

import pytest

from workbench.sandbox.journal import Journal


def test_the_oldest_leave_first_by_number_and_by_bytes() -> None:
    journal: Journal[int] = Journal("mail", most=3, most_bytes=100)
    for number in range(5):
        journal.add(number, 10)
    assert (list(journal), journal.dropped) == ([2, 3, 4], 2)
    journal.add(5, 85)
    assert list(journal) == [4, 5]
    journal.add(6, 1_000)
    assert (list(journal), journal.dropped) == ([6], 6)


def test_it_reads_like_a_list() -> None:
    journal: Journal[str] = Journal("mail")
    for each in "abc":
        journal.add(each, 1)
    assert (journal[0], journal[-1], journal[1:], len(journal), "b" in journal) == ("a", "c", ["b", "c"], 3, True)
    assert repr(journal) == "['a', 'b', 'c']"
    with pytest.raises(IndexError, match=r"There is no mail \[7\]: 3 mails arrived so far"):
        journal[7]
    journal.clear()
    assert list(journal) == []


def test_a_wait_ends_when_enough_has_arrived_and_not_later_than_told() -> None:
    journal: Journal[int] = Journal("request")
    threading.Timer(0.05, journal.add, (1, 1)).start()
    assert journal.wait(1) == [1]
    with pytest.raises(TimeoutError, match="1 of 2 requests arrived within 0.01 s"):
        journal.wait(2, timeout_seconds=0.01)
