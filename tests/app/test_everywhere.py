"""One service, unchanged, by every way in: the answers are equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.serving import until
from workbench import IntervalJob, JSONRPCChannel, RESTChannel, Service, SOAPChannel, Workbench
from workbench.cli.main import main


class Shout(Service):
    name = "api.shout"

    def handle(self) -> Any:
        return str(self.request.raw_request or "nothing").upper()


class ByService(Service):
    name = "by.service"

    def handle(self) -> Any:
        return self.invoke("api.shout", "")


class ByAsync(Service):
    name = "by.async"

    async def handle(self) -> Any:
        return await self.invoke.aio("api.shout", "")


class Background(Service):
    name = "by.background"

    def handle(self) -> Any:
        return self.invoke_async("api.shout", "", callback="api.heard")


class Heard(Service):
    name = "api.heard"
    answers: ClassVar[list[Any]] = []

    def handle(self) -> None:
        self.answers.append(self.request.payload)


def test_every_way_in_gives_the_same_answer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    with Workbench("everywhere", port=0) as wb:
        wb.deploy(Shout, ByService, ByAsync, Background, Heard)
        wb.define(
            RESTChannel("rest", service="api.shout"),
            JSONRPCChannel("rpc", path="/rpc", services="by.service"),
            SOAPChannel("soap", service="by.service"),
            RESTChannel("async", service="by.async"),
            IntervalJob("job", service="api.shout", hours=1),
        )
        wb.start()
        assert main(["invoke", "api.shout", "--app", "everywhere"]) == 0
        by_command_line = capsys.readouterr().out.strip()
        wb.invoke("by.background")
        until(lambda: bool(Heard.answers), "the callback has run")
        envelope = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><a/></e:Body></e:Envelope>'
        answers = {
            "inline": wb.invoke("api.shout"),
            "REST": wb.call("GET /rest").text,
            "JSON-RPC": wb.call("POST /rpc", {"jsonrpc": "2.0", "method": "by.service", "id": 1}).json()["result"],
            "SOAP": "NOTHING" if ">NOTHING<" in wb.call("POST /soap", envelope).text else "",
            "another service": wb.invoke("by.service"),
            "an async service": wb.call("GET /async").text,
            "in the background": Heard.answers[0],
            "a job": wb.jobs["job"].execute().returned.strip("'"),
            "the command line": by_command_line,
        }
    assert set(answers.values()) == {"NOTHING"}, answers
