"""A cassette answers the calls of its block and no others; a changed order makes sense, a changed call is stale."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any, ClassVar

import pytest

from tests.app.again import called, deployed
from tests.app.cassettes.conftest import Ran
from workbench import FTPConnection, RESTConnection, Service, Workbench
from workbench.app.cassettes.errors import NotATest, StaleCassette
from workbench.connections.definition import ConnectionDefinition, Live, Opening


def moving(self: Any) -> Any:
    """Read, write and remove files, and ask twice for what changes between."""
    ftp, data = self.out.ftp["FTP"], self.rest["Data"]
    before = [each.name for each in ftp.list("in")]
    text = ftp.read("in/a.txt").decode()
    ftp.write("in/b.txt", text.upper())
    ftp.delete("in/a.txt")
    after = [each.name for each in ftp.list("in")]
    return [before, text, after, data.get({"path": "one"}).data, data.get({"path": "two"}).data]


def otherwise(self: Any) -> Any:
    """The same, in another order, and some of it twice."""
    ftp, data = self.out.ftp["FTP"], self.rest["Data"]
    two, one = data.get({"path": "two"}).data, data.get({"path": "one"}).data
    text = ftp.read("in/a.txt").decode()
    before = [each.name for each in ftp.list("in")]
    assert text == ftp.read("in/a.txt").decode()
    ftp.write("in/b.txt", text.upper())
    ftp.delete("in/a.txt")
    return [before, text, [each.name for each in ftp.list("in")], one, two]


@pytest.fixture
def moved(wb: Workbench) -> str:
    """The cell of a test of `moving`."""
    wb.peers["FTP"].put("in/a.txt", "hello")
    for path in ("one", "two"):
        wb.peers["Data"].reply(f"/{path}", json=path)
    deployed(wb, moving)
    made = called(wb).make_test()
    assert set(made.by.values()) == {"peer"}
    return str(made.code)


def test_peers_make_sense_of_another_order(wb: Workbench, run: Ran, moved: str) -> None:
    run(moved)
    deployed(wb, otherwise)
    run(moved)


def test_a_call_that_asks_for_more_or_less_is_stale(wb: Workbench, run: Ran, moved: str) -> None:
    def more(self: Any) -> Any:
        found = moving(self)
        self.out.ftp["FTP"].write("in/c.txt", "new")
        return found

    deployed(wb, more)
    with pytest.raises(
        StaleCassette, match=r"the service asks now for FTP write\('in/c.txt', 'new'\)\. Nobody outside"
    ):
        run(moved)

    deployed(wb, lambda self: [["a.txt"], "hello", ["b.txt"], "one", "two"])
    with pytest.raises(StaleCassette, match=r"the service does not ask any more for FTP list\('in'\)"):
        run(moved)

    def swallows(self: Any) -> Any:
        try:
            self.out.ftp["FTP"].delete("in/z.txt")
        except Exception:
            return moving(self)

    deployed(wb, swallows)
    with pytest.raises(StaleCassette, match="in/z.txt"):
        run(moved)


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        (FTPConnection("FTP", host="other.example.com"), "connection 'FTP' has another host"),
        (FTPConnection("FTP", host="ftp.example.com", port=2121), "connection 'FTP' has another port"),
        (RESTConnection("FTP", host="https://ftp.example.com", path="/"), "connection 'FTP' is rest now, and was ftp"),
        (None, "there is no connection 'FTP' any more"),
    ],
)
def test_a_changed_definition_is_stale(wb: Workbench, run: Ran, moved: str, definition: Any, why: str) -> None:
    if definition is None:
        wb.withdraw(wb.connections["FTP"].definition)
    else:
        wb.define(definition)
    arrived = len(wb.peers["Data"].requests)
    with pytest.raises(StaleCassette, match=f"Cassette 'api-works' is stale: {why}. Nobody outside was called. Fix: "):
        run(moved)
    assert len(wb.peers["Data"].requests) == arrived


def test_calls_beside_the_block_are_not_answered_by_it(wb: Workbench) -> None:
    wb.kvdb.conn.set("n", 10)
    deployed(wb, lambda self: self.kvdb.conn.incr("n"))
    called(wb).make_test("mine")
    others: list[Any] = []

    def other() -> None:
        others.extend([wb.invoke("api.works"), wb.call("GET /api.works").json()])

    with wb.cassette("mine"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
        assert wb.invoke("api.works") == 11
    assert others == [12, 13]
    assert wb.invoke("api.works") == 14


def test_services_that_are_invoked_run_and_ask_the_cassette(wb: Workbench, run: Ran) -> None:
    class Inner(Service):
        name = "api.inner"

        def handle(self) -> Any:
            return self.kvdb.conn.incr("n") * self.request.payload

    wb.deploy(Inner)
    deployed(wb, lambda self: [self.kvdb.conn.incr("n"), self.invoke("api.inner", 2), self.kvdb.conn.incr("n")])
    made = called(wb).make_test()
    assert made.by == {"Redis": "peer"}
    run(made.code)
    assert wb.kvdb.conn.get("n") == "3"
    wb.deploy(type("Inner", (Service,), {"name": "api.inner", "handle": lambda self: 7, "__module__": "a"}))
    with pytest.raises(StaleCassette, match=r"does not ask any more for Redis incr\('n'\)"):
        run(made.code)


def calling(self: Any) -> Any:
    return socket.create_connection(state["host"], 5).close()


def swallowing(self: Any) -> Any:
    try:
        return calling(self)
    except Exception:
        return None


def in_a_thread(self: Any) -> Any:
    thread = threading.Thread(target=swallowing, args=(self,))
    thread.start()
    return thread.join()


def past_the_service(self: Any) -> Any:
    return state["wb"].connections["Data"].conn.get("cid", {"path": "a"}).data


PAST: dict[Callable[[Any], Any], str] = {
    calling: "call '127.0.0.1' past the connections",
    swallowing: "call '127.0.0.1' past the connections",
    in_a_thread: "call '127.0.0.1' past the connections",
    past_the_service: "ask GET Data /a, which the service does not hold",
}
state: dict[str, Any] = {}


@pytest.fixture
def arrived() -> Iterator[Callable[[], int]]:
    """Counts the connections to a host so far that no definition names."""
    found: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as host, ExitStack() as opened:
        host.setblocking(False)
        state["host"] = host.getsockname()

        def count() -> int:
            with suppress(BlockingIOError):
                while True:
                    found.append(opened.enter_context(host.accept()[0]))
            return len(found)

        yield count


@pytest.mark.parametrize("is_inner", [False, True], ids=["service", "invoked"])
@pytest.mark.parametrize("handle", PAST, ids=lambda each: each.__name__)
def test_what_goes_past_the_connections_is_refused(
    wb: Workbench, run: Ran, arrived: Callable[[], int], handle: Callable[[Any], Any], is_inner: bool
) -> None:
    state["wb"] = wb
    wb.deploy(type("Inner", (Service,), {"name": "api.inner", "handle": lambda self: None, "__module__": "a"}))
    deployed(wb, (lambda self: self.invoke("api.inner")) if is_inner else (lambda self: None))
    made, asked, before = called(wb).make_test(), len(wb.peers["Data"].requests), arrived()
    run(made.code)
    name = "api.inner" if is_inner else "api.works"
    wb.deploy(type("Past", (Service,), {"name": name, "handle": lambda self: handle(self), "__module__": "b"}))
    with pytest.raises(StaleCassette, match=re.escape(f"the service would now {PAST[handle]}")):
        run(made.code)
    assert (len(wb.peers["Data"].requests), arrived()) == (asked, before)


def test_no_test_is_made_of_a_call_that_calls_a_host_by_itself(wb: Workbench, arrived: Callable[[], int]) -> None:
    deployed(wb, calling)
    trace, before = called(wb), arrived()
    with pytest.raises(NotATest, match="past the connections"):
        trace.make_test()
    assert arrived() == before


def test_redis_is_played_where_no_package_plays_it(wb: Workbench, run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fakeredis comes with our tests alone; whoever has a server needs none."""
    monkeypatch.setitem(sys.modules, "fakeredis", None)
    monkeypatch.delitem(sys.modules, "workbench.connections.kvdb.fake", raising=False)
    wb.kvdb.conn.set("n", 10)
    deployed(wb, lambda self: self.kvdb.conn.incr("n"))
    made = called(wb).make_test()
    assert made.by == {"Redis": "peer"}
    run(made.code)
    assert wb.kvdb.conn.get("n") == "11"


class Weather(ConnectionDefinition, tag="weather-of-a-cassette", frozen=True, kw_only=True):
    """A kind without a peer."""

    attributes: ClassVar[dict[str, str]] = {"out.weather_of_a_cassette": "conn"}
    host: str = "weather.example.com"

    def open(self, opening: Opening) -> Any:
        """Open it; nobody may, once it is recorded."""
        return opened[0]


class Sky(Live):
    """What answers, and can be gone."""

    gone = False

    def now(self, city: str) -> str:
        """The weather."""
        assert not self.gone, "it was asked for real"
        return f"rain in {city}"

    async def later(self, city: str) -> str:
        """The weather, awaited."""
        return self.now(city)


opened = [Sky()]


def test_a_kind_without_a_peer_is_answered_from_the_record(run: Ran, wb: Workbench) -> None:
    wb.sandbox(False)
    wb.define(Weather("Sky", host="127.0.0.1"))

    async def work(self: Any) -> Any:
        sky = self.out.weather_of_a_cassette["Sky"]
        return [sky.now("Lodz"), await sky.later("Riga")]

    deployed(wb, work)
    trace = called(wb)
    opened[0].gone = True
    try:
        made = trace.make_test()
        assert made.by == {"Sky": "record"}
        run(made.code)
    finally:
        opened[0].gone = False


def test_what_is_called_like_a_credential_is_neither_kept_nor_compared(wb: Workbench, run: Ran) -> None:
    token = ["plain-token-1"]

    def work(self: Any) -> Any:
        headers = {"Authorization": f"Bearer {token[0]}", "X-Shop": "Lodz"}
        answer = self.rest["Data"].get({"path": "rates", "api_key": token[0]}, headers=headers)
        return answer.data["author"]

    deployed(wb, work)
    wb.peers["Data"].reply(
        "/rates", json={"author": "Ada", "access_token": token[0]}, headers={"Set-Cookie": f"sid={token[0]}"}
    )
    made = called(wb).make_test()
    assert "plain-token-1" not in made.path.read_text() + made.code
    assert '"X-Shop": "Lodz"' in made.path.read_text()
    assert "'Ada'" in made.code or '"Ada"' in made.code
    token[0] = "plain-token-2"
    run(made.code)
