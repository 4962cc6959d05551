"""The workbench's own addresses answer whatever its services do, and nobody without the token."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
import requests

from tests.serving import Wire, token_of, until
from workbench.app.serving.runtime_file import running
from workbench.app.workbench import Workbench
from workbench.channels.guard import TOKEN_HEADER
from workbench.channels.rest import RESTChannel
from workbench.core.service import Service
from workbench.runtime.workers import STUCK_SECONDS


class Hangs(Service):
    name = "hangs"
    began: ClassVar[threading.Semaphore]
    go: ClassVar[threading.Event]

    def handle(self) -> None:
        self.began.release()
        self.go.wait(30)


class Blocks(Service):
    name = "blocks"

    async def handle(self) -> None:
        Hangs.began.release()
        Hangs.go.wait(30)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """A workbench of one worker, and so of one spare, with services that do not end."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    Hangs.began, Hangs.go = threading.Semaphore(0), threading.Event()
    with Workbench(port=0, folder=tmp_path, threads=1) as wb:
        wb.deploy(Hangs, Blocks)
        wb.define(RESTChannel("hangs", timeout_seconds=0.1), RESTChannel("blocks"))
        wb.start()
        try:
            yield wb
        finally:
            Hangs.go.set()


def ask(path: str, method: str = "GET", **more: Any) -> requests.Response:
    """Ask the listener that the runtime file names, with its token unless other headers are given."""
    [found] = running()
    more.setdefault("headers", {TOKEN_HEADER: found.token})
    return requests.request(method, f"{found.own_url}{path}", timeout=30, **more)


def test_status_and_jobs_answer_while_an_async_service_blocks_the_loop(small: Workbench) -> None:
    with Wire(small) as wire:
        wire.request("GET /blocks")
        assert Hangs.began.acquire(timeout=30)
        told = ask("/workbench/status")
        assert (told.status_code, told.json()["services"]) == (200, ["blocks", "hangs"])
        assert ask("/workbench/jobs").json() == []


def test_an_async_service_that_blocks_is_named_with_its_line_while_it_does(small: Workbench) -> None:
    with Wire(small) as wire:
        wire.request("GET /blocks")
        assert Hangs.began.acquire(timeout=30)
        [line] = until(lambda: list(small.log), "the watchdog has told")
        assert not Hangs.go.is_set()
        assert (line.service, line.level, line.cid) == ("blocks", "ERROR", small.traffic[-1].cid)
        assert line.text.startswith("blocks is async and has blocked the server's loop for ")
        number = inspect.getsourcelines(Blocks)[1] + 5
        assert f", at {__file__}, line {number}, in handle; every other caller waits. Fix: await" in line.text


def test_with_every_worker_hung_callers_get_503_at_once_and_status_names_the_service(small: Workbench) -> None:
    with ThreadPoolExecutor(2) as callers:
        for _ in range(2):  # the worker, and the spare that stands in for it
            assert callers.submit(small.call, "GET /hangs").result(30).status == 504
            assert Hangs.began.acquire(timeout=30)
    assert ask("/workbench/status").json()["stuck"] == {"hangs": 2}
    refused = until(lambda: _refused(small), f"503 once nothing moved for {STUCK_SECONDS} s")
    assert refused.headers["Retry-After"] == "1"
    Hangs.go.set()
    until(lambda: ask("/workbench/status").json()["stuck"] == {}, "nothing is stuck")


def _refused(wb: Workbench) -> Any:
    answer = wb.call("GET /hangs")
    return answer if answer.status == 503 else None


def test_nobody_without_the_token_and_no_page_is_answered(small: Workbench) -> None:
    token = token_of(small)
    assert ask("/workbench/status", headers={}).status_code == 404
    assert ask("/workbench/status", headers={TOKEN_HEADER: "wrong"}).status_code == 404
    assert ask("/workbench/status", headers={"Host": "evil.example"}).status_code == 403
    page = {TOKEN_HEADER: token, "Origin": "http://evil.example"}
    assert ask("/workbench/status", headers=page).status_code == 403
    assert ask("/workbench/status", headers={TOKEN_HEADER: token, "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert ask("/workbench/nothing").status_code == 404
    long = {TOKEN_HEADER: token, "Content-Length": str(9 * 1024 * 1024)}
    assert ask("/workbench/invoke", "POST", headers=long, data=b"").status_code == 413
    assert ask("/hangs").status_code == 404


def test_it_ends_with_the_server(small: Workbench) -> None:
    [found] = running()
    small.stop()
    assert running() == []
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{found.own_url}/workbench/status", timeout=30)


@pytest.mark.parametrize("address", ["/workbench/traffic", "/workbench/log", "/workbench/traffic?cid=x"])
def test_what_calls_did_is_told_to_nobody_without_the_token(small: Workbench, address: str) -> None:
    token = small._parts.token
    assert ask(address, headers={}).status_code == 404
    assert requests.get(f"{small.url}{address}", timeout=30).status_code == 404
    page = {TOKEN_HEADER: token, "Origin": "http://evil.example"}
    assert ask(address, headers=page).status_code == 403
    # Who was refused is in the traffic; who only looks is not.
    before = len(small.traffic)
    assert ask("/workbench/log?last=5").json() == {"total": 0, "lines": []}
    assert ask("/workbench/log?last=many").status_code == 400
    assert len(small.traffic) == before
