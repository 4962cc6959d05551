"""One service, unchanged, by every way in: the answers are equal."""

from __future__ import annotations

import json
from ast import literal_eval
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from tests.serving import until
from workbench import IntervalJob, JSONRPCChannel, RESTChannel, Service, SOAPChannel, Workbench
from workbench.cli.main import main

TOLD = "Zażółć gęślą jaźń & <ß> 'ﷺ' 🐝"
"""Beyond Latin-1 and the Basic Multilingual Plane, and with what XML, JSON, HTML and a shell each give a meaning to."""
HEARD = TOLD.casefold()[::-1]


class Fold(Service):
    name = "api.fold"

    def handle(self) -> Any:
        # A job hands over text as it is; every other way an object.
        given = self.request.payload
        return {"text": (given["text"] if isinstance(given, dict) else given).casefold()[::-1]}


class ByService(Service):
    name = "by.service"
    input = "text"

    def handle(self) -> Any:
        return self.invoke("api.fold", {"text": self.request.input.text})


class ByAsync(Service):
    name = "by.async"
    input = "text"

    async def handle(self) -> Any:
        return await self.invoke.aio("api.fold", {"text": self.request.input.text})


class Background(Service):
    name = "by.background"
    input = "text"

    def handle(self) -> Any:
        return self.invoke_async("api.fold", {"text": self.request.input.text}, callback="api.heard")


class Heard(Service):
    name = "api.heard"
    answers: ClassVar[list[Any]] = []

    def handle(self) -> None:
        self.answers.append(self.request.payload)


def soap(answer: Any) -> dict[str, Any]:
    """The elements of a SOAP answer."""
    body = etree.fromstring(answer.body).find("{*}Body")
    assert body is not None
    return {etree.QName(each).localname: each.text for each in body[0]}


def test_every_way_in_gives_the_same_answer(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    Heard.answers.clear()
    given, asked = {"text": TOLD}, urlencode({"text": TOLD})
    rpc = {"jsonrpc": "2.0", "method": "api.fold", "params": given, "id": 1}
    envelope = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f"<Fold><text>{escape(TOLD)}</text></Fold></e:Body></e:Envelope>"
    )
    with Workbench("everywhere", port=0) as wb:
        wb.deploy(Fold, ByService, ByAsync, Background, Heard)
        wb.define(
            RESTChannel("rest", service="api.fold"),
            JSONRPCChannel("rpc", path="/rpc", services="api.fold"),
            SOAPChannel("soap", service="api.fold"),
            RESTChannel("query", service="by.service"),
            RESTChannel("async", service="by.async"),
            IntervalJob("job", service="api.fold", hours=1),
        )
        wb.start()
        assert (
            main(["invoke", "api.fold", "--payload", json.dumps(given, ensure_ascii=False), "--app", "everywhere"]) == 0
        )
        by_command_line = json.loads(capsys.readouterr().out)
        wb.invoke("by.background", given)
        until(lambda: bool(Heard.answers), "the callback has run")
        answers = {
            "inline": wb.invoke("api.fold", given),
            "REST": wb.call("POST /rest", given).json(),
            "REST, a query": wb.call(f"GET /query?{asked}").json(),
            "JSON-RPC": wb.call("POST /rpc", rpc).json()["result"],
            "SOAP": soap(wb.call("POST /soap", envelope)),
            "another service": wb.invoke("by.service", given),
            "an async service": wb.call("POST /async", given).json(),
            "in the background": Heard.answers[0],
            "a job": literal_eval(wb.jobs["job"].execute(TOLD).returned),
            "the command line": by_command_line,
        }
    assert all(answer == {"text": HEARD} for answer in answers.values()), answers
