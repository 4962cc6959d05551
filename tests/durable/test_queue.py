"""A second user of durable work: a queue of messages, made of its pieces alone, that delivers each at least once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Event

import pytest

from tests.durable.messages import MOST_ATTEMPTS, Queue
from workbench.core.ports import Store
from workbench.stores import open_store


def test_each_message_is_delivered_and_one_that_fails_is_tried_again(store: Store) -> None:
    queue, received, left = Queue(store), list[str](), {"b": 2, "never": 99}

    def receive(body: str) -> None:
        received.append(body)
        if left.get(body, 0) > 0:
            left[body] -= 1
            raise ConnectionError("no receiver")

    for body in ("a", "b", "never"):
        queue.publish(body, body)
    for _ in range(MOST_ATTEMPTS + 2):
        queue.deliver_all(receive)
    assert Counter(received) == {"a": 1, "b": 3, "never": MOST_ATTEMPTS}
    assert [key for key, _ in store.scan("message/")] == ["message/never"]
    assert [(row.attempt, row.outcome) for row in queue.attempts.below("delivery/b~")] == [
        (1, "failed"),
        (2, "failed"),
        (3, "ok"),
    ]
    queue.presence.leave()


def test_what_a_process_that_ended_had_begun_is_delivered_by_another(store: Store) -> None:
    queues, received = [Queue(store) for _ in range(2)], list[str]()
    queues[0].publish("a", "a")
    assert queues[0]._mine("a", "a") is not None
    assert queues[1].deliver_all(received.append) == 1
    assert received == []
    queues[0].presence.leave()
    assert queues[1].deliver_all(received.append) == 0
    assert received == ["a"]
    queues[1].presence.leave()


RECEIVE = """
import os, sys
from pathlib import Path
from threading import Event
from tests.durable.messages import Queue
from workbench.stores import open_store

url, folder, received, hangs_at = sys.argv[1:]
file, count = os.open(received, os.O_WRONLY | os.O_APPEND), 0

def receive(body):
    global count
    count += 1
    os.write(file, f"{body}\\n".encode())
    if count == int(hangs_at):
        print("hanging", flush=True)
        Event().wait(60)
    Event().wait(0.001)

queue = Queue(open_store(url), Path(folder))
print("ready", flush=True)
while queue.deliver_all(receive):
    pass
"""


def _receive(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RECEIVE, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.timeout(300)
def test_kill_9_of_receivers_loses_no_message(shared_url: str, tmp_path: Path) -> None:
    dice, received = random.Random(20_261_128), tmp_path / "received"
    received.touch()
    store = open_store(shared_url)
    publisher = Queue(store, tmp_path)
    bodies = [f"message-{number:03d}" for number in range(300)]
    for body in bodies:
        publisher.publish(body, body)
    rounds = 10 if os.environ.get("WORKBENCH_SOAK") else 1
    for number in range(rounds):
        # One dies in the middle of a delivery, the other at any moment.
        hung, other = (_receive(shared_url, tmp_path, received, hangs_at) for hangs_at in (number + 3, 0))
        assert hung.stdout is not None
        assert other.stdout is not None
        with hung, other:
            assert (hung.stdout.readline(), hung.stdout.readline()) == ("ready\n", "hanging\n")
            assert other.stdout.readline() == "ready\n"
            Event().wait(dice.uniform(0, 0.05))
            for process in (other, hung):
                process.send_signal(signal.SIGKILL)
    counts = Counter(received.read_text().splitlines())
    while publisher.deliver_all(lambda body: counts.update([body])):
        pass
    assert counts.keys() == set(bodies)
    # Each death leaves at most one message that was received and not yet settled.
    assert rounds <= sum(counts.values()) - len(bodies) <= 2 * rounds
    assert list(store.scan("message/")) == []
    outcomes = Counter(row.outcome for row in publisher.attempts.below("delivery/"))
    assert outcomes["ok"] == len(bodies)
    assert outcomes["interrupted"] >= rounds
    publisher.presence.leave()
    store.close()
