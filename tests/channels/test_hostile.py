"""Whatever callers say to a channel of any kind, the fault is theirs: none gets a 500, and no error is logged."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tornado.web import Application, RequestHandler, StaticFileHandler
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from tests.channels.hostile import REQUESTS, SERVICES, Chance, Request, message
from tests.openapi.services import SERVICES as SHOP
from tests.serving import Wire
from workbench import JSONRPCChannel, RESTChannel, Service, SOAPChannel, WebSocketChannel, Workbench

COUNT = 10_000 if os.environ.get("WORKBENCH_SOAK") else 150
SEED = 18


class Says(Service):
    name = "says"

    def handle(self) -> Any:
        files = [[each.name, each.filename, each.content_type, each.size] for each in self.request.files]
        return {"payload": self.request.payload, "files": files} if files else self.request.payload


class Page(RequestHandler):
    def get(self) -> None:
        self.write({"a": self.get_query_arguments("a"), "cookies": sorted(self.cookies)})

    head = get

    def post(self) -> None:
        self.write({"a": self.get_arguments("a"), "size": len(self.request.body)})

    put = post


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    folder: Path = tmp_path_factory.mktemp("files")
    (folder / "a.txt").write_text("content")
    with pytest.MonkeyPatch.context() as patch, Workbench(port=0, folder=tmp_path_factory.mktemp("wb")) as made:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        made.deploy(*SHOP, Says)
        made.define(
            JSONRPCChannel("rpc", services=SERVICES),
            *(SOAPChannel(f"soap.{each}", path=f"/soap/{each}", service=each) for each in SERVICES),
            *(RESTChannel(f"form.{each}", path=f"/form/{each}", service=each, method="POST") for each in SERVICES),
            *(WebSocketChannel(f"ws.{each}", path=f"/ws/{each}", service=each) for each in SERVICES),
        )
        pages: list[Any] = [("/x/page", Page), ("/x/files/(.*)", StaticFileHandler, {"path": str(folder)})]
        made.mount("/x", Application(pages))
        made.start()
        yield made


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("kind", list(REQUESTS))
def test_no_request_is_answered_500(shop: Workbench, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    chance, statuses = Chance(f"{SEED} {kind}"), Counter[int]()
    with Connection(shop) as connection:
        for number in range(COUNT):
            request = REQUESTS[kind](chance)
            status, body = connection.ask(request)
            # JSON-RPC says 200 of whatever it understood.
            statuses[400 if b'"error"' in body else status] += 1
            assert status < 500, f"case {number} of {kind}: {request} {body!r}"
            assert b"-32603" not in body, f"case {number} of {kind}: {request} {body!r}"
            assert not (wrong := errors(caplog)), f"case {number} of {kind}: {request} {wrong}"
            caplog.clear()
    print(f"\n{kind}: {dict(statuses)}")
    right = statuses[200] + statuses[204]
    assert COUNT / 20 < right < COUNT - COUNT / 20, "nearly all are right, or nearly none"


@pytest.mark.timeout(1_800)
def test_no_message_is_answered_500(shop: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    chance, statuses = Chance(f"{SEED} message"), Counter[int]()
    url = shop.url.replace("http", "ws")
    with ExitStack() as stack:
        sockets = {each: stack.enter_context(connect(f"{url}/ws/{each}", compression=None)) for each in SERVICES}
        for number in range(COUNT):
            service, sent = chance.choice(SERVICES), message(chance)
            try:
                sockets[service].send(sent)
                answer: dict[str, Any] = json.loads(sockets[service].recv(60))
                if "binary_bytes" in answer["meta"]:
                    sockets[service].recv(60)
            except ConnectionClosedError as exc:
                pytest.fail(f"message {number} for {service}: {sent!r} {exc}")
            status = answer["meta"]["status"]
            statuses[status] += 1
            assert status < 500, f"message {number} for {service}: {sent!r} {answer}"
            assert not (wrong := errors(caplog)), f"message {number} for {service}: {sent!r} {wrong}"
            caplog.clear()
    print(f"\nWebSocket: {dict(statuses)}")
    assert min(statuses[200], statuses[400]) > COUNT / 20


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged of faults of ours."""
    return [each.getMessage() for each in caplog.records if each.levelname in ("ERROR", "CRITICAL")]


class Connection:
    """A kept connection; a new one where the server has ended it."""

    def __init__(self, wb: Workbench) -> None:
        self._wb, self._wire = wb, Wire(wb, seconds=60)

    def ask(self, request: Request) -> tuple[int, bytes]:
        """Send a request; status and body of its answer."""
        self._wire.request(request.line, *request.headers, body=request.body)
        answer = self._wire.answer(bodiless=request.line.startswith("HEAD ") or False)
        if answer.headers.get("connection") == "close":
            self._wire.socket.close()
            self._wire = Wire(self._wb, seconds=60)
        return answer.status, answer.body

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *exc: object) -> None:
        self._wire.socket.close()
