"""ZeroMQ connections beside pyzmq's own sockets, and beside the peer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import zmq

from tests.connections.suites.cases import closed, opened
from tests.connections.suites.examples import EXAMPLES, played
from workbench.connections.common.errors import AnswerTooLarge, Interrupted
from workbench.connections.zmq.definition import ZeroMQConnection
from workbench.core.call import Call
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, InvalidDefinition, ServiceUsage

WAIT_MS = 20_000


class Far:
    """A socket of libzmq at a port of its own."""

    def __init__(self, kind: int, address: str = "tcp://127.0.0.1:*") -> None:
        self.socket: Any = zmq.Context.instance().socket(kind)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RCVTIMEO, WAIT_MS)
        self.socket.bind(address)
        self.address = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def received(self) -> list[bytes]:
        """The parts of the next message."""
        parts: list[bytes] = self.socket.recv_multipart()
        return parts


@pytest.fixture
def far() -> Iterator[Any]:
    made: list[Far] = []

    def make(kind: int, *address: str) -> Far:
        made.append(Far(kind, *address))
        return made[-1]

    yield make
    for each in made:
        each.socket.close()


def connection(address: str, **changes: Any) -> ZeroMQConnection:
    return ZeroMQConnection("Orders", **{"address": address, "timeout_seconds": 10.0, **changes})


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("zażółć", ["zażółć".encode()]),
        (b"\x00\xff", [b"\x00\xff"]),
        (["a", b"b"], [b"a", b"b"]),
        ({"id": 7}, [b'{"id":7}']),
        ([{"id": 7}], [b'[{"id":7}]']),
        ("", [b""]),
        ("x" * 100_000, [b"x" * 100_000]),
    ],
)
def test_a_message_that_is_pushed_arrives_as_it_was_given(far: Any, message: Any, parts: list[bytes]) -> None:
    pull = far(zmq.PULL)
    with opened(connection(pull.address)) as conn:
        assert conn.send(message) is None
        assert pull.received() == parts


def test_messages_arrive_in_their_order_from_many_threads_each_once(far: Any) -> None:
    pull = far(zmq.PULL)
    with opened(connection(pull.address)) as conn, ThreadPoolExecutor(8) as threads:
        for number in range(20):
            conn.send(str(number))
        assert [int(pull.received()[0]) for _ in range(20)] == list(range(20))
        for done in [threads.submit(conn.send, str(number)) for number in range(200)]:
            done.result()
        assert sorted(int(pull.received()[0]) for _ in range(200)) == list(range(200))


def test_what_was_pushed_last_goes_though_the_connection_is_closed(far: Any) -> None:
    pull = far(zmq.PULL)
    with opened(connection(pull.address)) as conn:
        conn.send(b"x" * 1_000_000)
    assert len(pull.received()[0]) == 1_000_000


def test_the_first_message_that_is_published_reaches_who_has_subscribed(far: Any, call: Call) -> None:
    sub = far(zmq.SUB)
    sub.socket.setsockopt(zmq.SUBSCRIBE, b"orders")
    with opened(connection(sub.address, socket_type="PUB")) as conn, ThreadPoolExecutor(1) as threads:
        # libzmq says what it subscribes to once its socket is used.
        received = threads.submit(lambda: [sub.received(), sub.received()])
        conn.send({"id": 1}, topic="orders.new")
        conn.send("nobody wants it", topic="weather")
        conn.send("orders as text")
        assert received.result() == [[b"orders.new", b'{"id":1}'], [b"orders as text"]]
    assert [step.describe() for step in call.step.steps] == [
        "ZeroMQ Orders PUB sent",
        "ZeroMQ Orders PUB to nobody, who has not subscribed",
        "ZeroMQ Orders PUB sent",
    ]
    assert [step.mood for step in call.step.steps] == ["ok", "attention", "ok"]  # type: ignore[union-attr]


def test_others_connect_to_one_that_listens(far: Any) -> None:
    with closed() as (host, port):
        address = f"tcp://{host}:{port}"
    with opened(connection(address, socket_method="bind")) as conn:
        assert conn.ping() == f"listens at {address}"
        pull: Any = zmq.Context.instance().socket(zmq.PULL)
        pull.setsockopt(zmq.RCVTIMEO, WAIT_MS)
        pull.connect(address)
        try:
            conn.send("here")
            assert pull.recv() == b"here"
        finally:
            pull.close(0)


@pytest.mark.parametrize("act", ["ping", "send"])
def test_who_still_uses_one_that_was_closed_leaves_its_address_free(act: str) -> None:
    with closed() as (host, port):
        definition = connection(f"tcp://{host}:{port}", socket_method="bind", socket_type="PUB")
    with opened(definition) as conn:
        conn.close()
        conn.ping() if act == "ping" else conn.send("x")
        assert is_let_go(host, port)


def is_let_go(host: str, port: int) -> bool:
    """Whether nobody listens at an address, or hangs up: libzmq lets go a moment after its socket is closed."""
    with socket.socket() as plain:
        plain.settimeout(WAIT_MS / 1000)
        try:
            plain.connect((host, port))
            while plain.recv(64):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
    return True


def test_an_address_that_somebody_has_is_said(far: Any) -> None:
    words = r"cannot bind there: Address already in use\. Fix: take another port"
    with opened(connection(far(zmq.PULL).address, socket_method="bind")) as conn:
        for act in (lambda: conn.send("x"), conn.ping):
            with pytest.raises(ConnectionFailed, match=words):
                act()


def test_what_is_asked_is_answered_to_whoever_asked(far: Any) -> None:
    rep = far(zmq.REP)

    def serve() -> None:
        for _ in range(40):
            rep.socket.send_multipart([b"re:" + part for part in rep.received()])

    with opened(connection(rep.address, socket_type="REQ")) as conn, ThreadPoolExecutor(9) as threads:
        serving = threads.submit(serve)
        asked = [threads.submit(conn.send, str(number)) for number in range(39)]
        assert [each.result() for each in asked] == [f"re:{number}".encode() for number in range(39)]
        assert conn.send(["a", "b"]) == [b"re:a", b"re:b"]
        serving.result()


def test_one_that_was_not_answered_is_not_waited_for_and_the_next_one_is_asked_anew(far: Any) -> None:
    router = far(zmq.ROUTER)
    with opened(connection(router.address, socket_type="REQ", pool_size=1, timeout_seconds=1.0)) as conn:
        with pytest.raises(ConnectionFailed, match=r"did not answer within 1 s\. Fix: check that it is up"):
            conn.send("first")
        with ThreadPoolExecutor(1) as threads:
            answering = threads.submit(_answers, router, b"second")
            assert conn.send("second") == b"re:second"
            answering.result()


def _answers(router: Far, wanted: bytes) -> None:
    while (parts := router.received())[-1] != wanted:
        pass
    router.socket.send_multipart([*parts[:-1], b"re:" + wanted])


@pytest.mark.parametrize("kind", ["PUSH", "REQ"])
def test_who_is_not_there_is_said_and_nothing_waits_for_him_in_the_dark(kind: str) -> None:
    words = r"^ZeroMQ 'Orders' at tcp://.* cannot be reached: Connection refused"
    with closed() as (host, port):
        definition = connection(f"tcp://{host}:{port}", socket_type=kind, timeout_seconds=0.3)
        with opened(definition) as conn, pytest.raises(ConnectionFailed, match=words):
            conn.send("x")


def test_one_who_comes_in_time_has_the_message(far: Any) -> None:
    with closed() as (host, port):
        address = f"tcp://{host}:{port}"
    with opened(connection(address, timeout_seconds=WAIT_MS / 1000)) as conn, ThreadPoolExecutor(1) as threads:
        sending = threads.submit(conn.send, "late")
        assert not sending.done()
        pull = far(zmq.PULL, address)
        sending.result()
        assert pull.received() == [b"late"]


def test_a_deadline_is_of_the_whole_call() -> None:
    with closed() as (host, port):
        definition = connection(f"tcp://{host}:{port}", timeout_seconds=60.0, deadline_seconds=0.3)
        with opened(definition) as conn, pytest.raises(DeadlineExceeded, match=r"did not do it within 0\.3 s"):
            conn.send("x")


def test_who_speaks_something_else_is_told() -> None:
    words = r"does not speak ZeroMQ\. Fix: check address"
    with played(EXAMPLES["smtp"]) as (_, sandbox), opened(connection(f"tcp://{sandbox['My SMTP'].address}")) as conn:
        with pytest.raises(ConnectionFailed, match=words):
            conn.ping()
        assert len(sandbox["My SMTP"].rows()) == 0


def test_a_message_that_cannot_be_is_refused() -> None:
    with opened(connection("tcp://127.0.0.1:1")) as conn:
        with pytest.raises(ServiceUsage, match="is a PUSH, which has no topics"):
            conn.send("x", topic="a")
        with pytest.raises(ServiceUsage, match="cannot send that: A object cannot be sent as JSON"):
            conn.send(object())


def test_each_message_is_one_step_with_its_answer(call: Call) -> None:
    with played(EXAMPLES["zmq"]) as (live, sandbox):
        peer: Any = sandbox["My ZeroMQ"]
        peer.reply("yes")
        assert live.live("My ZeroMQ").send({"id": 7}) == b"yes"
    (step,) = call.step.steps
    assert (step.describe(), step.answer.text) == ("ZeroMQ My ZeroMQ REQ ok", "yes")  # type: ignore[union-attr]
    assert json.loads(step.arguments["message"].text) == {"id": 7}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"address": "http://queue.example.com:1"}, "address"),
        ({"address": "tcp://queue.example.com"}, "address"),
        ({"address": "tcp://queue.example.com:99999"}, "address"),
        ({"address": "tcp://me@queue.example.com:1"}, "address"),
        ({"address": "tcp://*:5555"}, "address"),
        ({"socket_type": "REQ", "socket_method": "bind"}, "socket_method"),
    ],
)
def test_a_definition_that_cannot_be_is_said(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidDefinition) as refused:
        connection(**{"address": "tcp://queue.example.com:5555", **changes})
    assert list(refused.value.problems) == [field]


@pytest.mark.parametrize(
    ("changes", "called"),
    [
        ({"address": "tcp://queue.example.com:5555"}, "queue.example.com"),
        ({"address": "tcp://*:5555", "socket_method": "bind"}, ""),
        ({"address": "ipc:///run/queue.example.com"}, ""),
    ],
)
def test_only_a_host_that_is_connected_to_is_called(changes: dict[str, Any], called: str) -> None:
    assert connection(**changes).called == called


@pytest.mark.parametrize("parts", [[b"y" * 1001], [b"y" * 600, b"y" * 600]])
def test_an_answer_over_its_bound_is_said_at_once_and_the_next_one_is_asked_anew(far: Any, parts: list[bytes]) -> None:
    router = far(zmq.ROUTER)
    definition = connection(router.address, socket_type="REQ", max_answer_bytes=1000, timeout_seconds=WAIT_MS / 1000)
    with opened(definition) as conn, ThreadPoolExecutor(1) as threads:
        for answer in (parts, parts, [b"z" * 1000]):
            asked = threads.submit(conn.send, "more")
            who, *_ = router.received()
            router.socket.send_multipart([who, b"", *answer])
            if answer is parts:
                with pytest.raises(AnswerTooLarge, match=r"is over 1,000 bytes.* Fix: .* raise max_answer_bytes"):
                    asked.result()
            else:
                assert asked.result() == b"z" * 1000


def test_who_ends_before_the_answer_is_said_at_once(far: Any) -> None:
    router = far(zmq.ROUTER)
    with (
        opened(connection(router.address, socket_type="REQ", timeout_seconds=WAIT_MS / 1000)) as conn,
        ThreadPoolExecutor(1) as threads,
    ):
        asked = threads.submit(conn.send, "more")
        router.received()
        router.socket.close(0)
        with pytest.raises(Interrupted, match=r"hung up in the middle of the conversation\. Fix: "):
            asked.result()


def test_what_the_library_says_is_told_in_its_words() -> None:
    definition = connection("ipc:///nowhere/at/all", socket_method="bind")
    with opened(definition) as conn, pytest.raises(ConnectionFailed, match="cannot bind there: No such file or"):
        conn.send("x")
