"""A text answer is JSON where the channel says `data_format="json"` itself, and text where nothing is said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.serving import wb as wb
from workbench import RESTChannel, Service, Workbench

JSON, TEXT, BYTES = "application/json", "text/plain; charset=utf-8", "application/octet-stream"
ANSWERS: dict[str, Any] = {"text": "hello", "dict": {"a": 1}, "bytes": b"hello", "nothing": None}


class Answers(Service):
    name = "answers"

    def handle(self) -> Any:
        answer = self.request.http.GET.get("answer", "text")
        self.response.content_type = self.request.http.GET.get("type", "")
        return ANSWERS.get(answer, self.channel.data_format)


def content_type(wb: Workbench, query: str = "") -> str:
    return wb.call(f"GET /answers?{query}").headers["Content-Type"]


@pytest.mark.parametrize(
    ("said", "text"), [({}, TEXT), ({"data_format": "json"}, JSON), ({"data_format": "raw"}, TEXT)], ids=str
)
def test_text_is_json_only_where_that_is_said(wb: Workbench, said: dict[str, Any], text: str) -> None:
    wb.deploy(Answers)
    wb.define(RESTChannel("answers", **said))
    told = {answer: content_type(wb, f"answer={answer}") for answer in ANSWERS}
    assert told == {"text": text, "dict": JSON, "bytes": BYTES, "nothing": TEXT}
    assert wb.call("GET /answers").text == "hello"
    assert wb.call("GET /answers?answer=format").text == (said.get("data_format") or "json")


def test_what_the_service_or_the_channel_names_wins(wb: Workbench) -> None:
    wb.deploy(Answers)
    wb.define(RESTChannel("answers", data_format="json"))
    assert content_type(wb, "type=text/html") == "text/html"
    wb.define(RESTChannel("answers", data_format="json", content_type="text/csv"))
    assert content_type(wb) == "text/csv"
    assert content_type(wb, "type=text/html") == "text/html"


def test_to_say_it_is_a_change_that_takes_effect_and_is_kept() -> None:
    plain, said = RESTChannel("answers"), RESTChannel("answers", data_format="json")
    assert plain != said
    assert said.to_code() == 'RESTChannel("answers", data_format="json")'
    for each in (plain, said):
        assert msgspec.json.decode(msgspec.json.encode(each), type=RESTChannel) == each
        assert each.replace(path="/other").data_format == each.data_format


def test_a_file_of_definitions_says_it_too(wb: Workbench) -> None:
    wb.deploy(Answers)
    path = wb.folder / "enmasse.yaml"
    path.write_text(
        "channel_rest:\n  - name: answers\n    service: answers\n    url_path: /answers\n    data_format: json\n"
    )
    wb.load(path)
    assert content_type(wb) == JSON
