"""Services written for Zato: names, forms of handle, keywords of invoke, and what is not read is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.serving import wb as wb
from workbench import RESTConnection, Service, Workbench
from workbench.core.errors import ServiceUsage
from workbench.core.payload.bunch import Bunch, bunchify, unbunchify


def load(wb: Workbench, text: str, name: str = "mine") -> list[str]:
    """Load a file of services; the names that went live."""
    path: Path = wb.folder / f"{name}.py"
    path.write_text(f"from zato.server.service import Service, Int\n{text}")
    return [version.name for version, _ in wb.load(path).versions]


def test_a_derived_name_is_lower_case_throughout(wb: Workbench) -> None:
    text = "class Divide(Service):\n    def handle(self):\n        return 'ok'\n"
    assert load(wb, text, "Divide-TODO_Now") == ["divide-todo-now.divide"]


def test_a_class_method_get_name_decides_and_a_method_of_that_name_is_the_services_own(wb: Workbench) -> None:
    text = """
class One(Service):
    name = 'not.this'
    @classmethod
    def get_name(cls):
        return f'made.{cls.__name__.lower()}'
    def handle(self):
        return 'one'

class Two(Service):
    name = 'two'
    def get_name(self):
        return 'Ada'
    def handle(self):
        return self.get_name()
"""
    assert load(wb, text) == ["made.one", "two"]
    assert (wb.invoke("made.one"), wb.invoke("two")) == ("one", "Ada")


@pytest.mark.parametrize(
    ("signature", "answer"),
    [
        ("self", "(None)"),
        ("self, x=3", "3"),
        ("self, x: int = 3", "3"),
        ("self, *args", "()"),
        ("self, **more", "{}"),
        ("self, *args, x=1, **more", "1"),
        ("this", "(None)"),
        ("service, x=3", "3"),
    ],
)
def test_handle_may_have_what_nobody_needs_to_give(wb: Workbench, signature: str, answer: str) -> None:
    shown = {"3": "x", "1": "x", "()": "args", "{}": "more"}.get(answer, "'(None)'")
    assert load(wb, f"class S(Service):\n    name = 's'\n    def handle({signature}):\n        return str({shown})\n")
    assert wb.invoke("s") == answer


def test_a_method_of_a_verb_may_have_defaults_too(wb: Workbench) -> None:
    text = "class S(Service):\n    name = 's'\n    def handle_GET(self, x=3):\n        return str(x)\n"
    assert load(wb, text) == ["s"]


class Inner(Service):
    name = "inner"

    class SimpleIO:
        output = ("id", "-parts")
        response_elem = "response"

    def handle(self) -> None:
        self.response.payload.id = 7
        self.response.payload.parts = str(self.request.payload)


class Says(Service):
    name = "says"

    def handle(self) -> Any:
        return {"got": self.request.payload, "as": [self.channel.type, self.channel.data_format], "deep": [{"a": 1}]}


@pytest.mark.parametrize("is_async", [False, True])
def test_zatos_keywords_of_invoke_are_obeyed(wb: Workbench, is_async: bool) -> None:
    found: dict[str, Any] = {}
    asked: dict[str, tuple[str, Any, dict[str, Any]]] = {
        "whole": ("inner", "", {}),
        "inside": ("inner", "", {"skip_response_elem": True}),
        "text": ("inner", "", {"skip_response_elem": True, "serialize": True}),
        "bunch": ("says", "", {"as_bunch": True}),
        "parsed": ("says", '{"x": 1}', {"data_format": "json"}),
        "channel": ("says", {"x": 1}, {"channel": "scheduler", "timeout": 0, "raise_timeout": True}),
    }
    if is_async:

        class AsyncCaller(Service):
            name = "caller"

            async def handle(self) -> None:
                for name, (service, payload, more) in asked.items():
                    found[name] = await self.invoke.aio(service, payload, **more)

        wb.deploy(Inner, Says, AsyncCaller)
    else:

        class Caller(Service):
            name = "caller"

            def handle(self) -> None:
                for name, (service, payload, more) in asked.items():
                    found[name] = self.invoke(service, payload, **more)

        wb.deploy(Inner, Says, Caller)
    wb.invoke("caller")
    inside = {"id": 7, "parts": ""}
    assert found["whole"] == {"response": inside}
    assert found["inside"] == inside
    assert json.loads(found["text"]) == inside
    assert found["bunch"].deep[0].a == 1
    assert found["parsed"]["got"] == {"x": 1}
    assert found["channel"]["as"] == ["scheduler", "dict"]
    assert type(found["whole"]) is dict


def test_a_transport_is_refused_since_there_is_none(wb: Workbench) -> None:
    class Caller(Service):
        name = "caller"

        def handle(self) -> Any:
            return self.invoke("says", transport="plain_http")

    wb.deploy(Says, Caller)
    with pytest.raises(ServiceUsage, match=r"no transport 'plain_http'.*Fix: leave transport out"):
        wb.invoke("caller")


def test_what_hooks_of_a_deployment_log_is_in_the_log(wb: Workbench) -> None:
    text = """
class S(Service):
    name = 's'
    @classmethod
    def before_add_to_store(cls, logger):
        logger.info('comes now')
        return True
    @classmethod
    def after_add_to_store(cls, logger):
        logger.info('is there')
        raise ValueError('not quite')
    def handle(self):
        return 'ok'
"""
    load(wb, text)
    said = [(each.service, each.level, each.text.splitlines()[0]) for each in wb.log]
    assert said == [
        ("s", "INFO", "comes now"),
        ("s", "INFO", "is there"),
        ("s", "ERROR", "hook after_add_to_store failed"),
    ]


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("class IO:\n        input = 'id'", "class IO in S is not read. Fix: call it SimpleIO"),
        ("class SimpleIo:\n        input = 'id'", "class SimpleIo in S is not read. Fix: call it SimpleIO"),
        (
            "class SimpleIO:\n        input_requried = 'id'",
            "SimpleIO.input_requried of S is not read. Fix: input_re",
        ),
        ("class SimpleIO:\n        xml_ns = 'x'", "SimpleIO.xml_ns of S is not read. What is: input, output"),
    ],
)
def test_a_declaration_that_nobody_reads_is_named(wb: Workbench, declared: str, words: str) -> None:
    load(wb, f"class S(Service):\n    name = 's'\n    {declared}\n    def handle(self):\n        return 'ok'\n")
    (line,) = wb.log
    assert (line.level, line.text[: len(words)]) == ("WARNING", words)
    assert wb.invoke("s") == "ok"


def test_declarations_that_are_read_are_not_told(wb: Workbench) -> None:
    wb.deploy(Inner)
    assert list(wb.log) == []


def test_connections_are_listed_and_asked_for_by_name(wb: Workbench) -> None:
    class Asks(Service):
        name = "asks"

        def handle(self) -> Any:
            rest = self.out.rest
            return [sorted(rest.keys()), sorted(rest), len(rest), "Rates" in rest, "Nothing" in rest]

    wb.deploy(Asks)
    wb.define(RESTConnection("Rates", host="https://a.example"), RESTConnection("Other", host="https://b.example"))
    assert wb.invoke("asks") == [["Other", "Rates"], ["Other", "Rates"], 2, True, False]


def test_a_bunch_is_a_dict_with_attributes_all_the_way_down() -> None:
    made = bunchify({"a": {"b": [{"c": 1}]}, "t": ({"d": 2},)})
    assert (made.a.b[0].c, made.t[0].d, made["a"]["b"]) == (1, 2, [{"c": 1}])
    made.a.new = 5
    del made.a["b"]
    assert unbunchify(made) == {"a": {"new": 5}, "t": ({"d": 2},)}
    assert type(unbunchify(made)["a"]) is dict
    assert Bunch.fromDict({"x": {"y": 1}}).x.toDict() == {"y": 1}
    with pytest.raises(AttributeError, match="There is no key 'nope'; there: new"):
        _ = made.a.nope


@pytest.mark.parametrize(
    ("owner", "there"),
    [("server", "cluster_id, cluster_name, fs_server_config"), ("request", "bunchified, channel_params")],
)
def test_an_attribute_that_nobody_knows_says_which_there_are(wb: Workbench, owner: str, there: str) -> None:
    class Asks(Service):
        name = "asks"

        def handle(self) -> Any:
            asked = getattr(self, owner)
            assert (hasattr(asked, "xyzzy"), getattr(asked, "xyzzy", 7)) == (False, 7)
            return asked.xyzzy

    wb.deploy(Asks)
    with pytest.raises(AttributeError, match=rf"There is no self\.{owner}\.xyzzy; there are: {there}.* Fix: use one"):
        wb.invoke("asks")


def test_an_error_within_a_property_of_the_request_keeps_its_words(wb: Workbench) -> None:
    class Asks(Service):
        name = "asks"
        input = "id"

        def handle(self) -> Any:
            return self.request.input.nope

    wb.deploy(Asks)
    with pytest.raises(AttributeError, match="'nope' is missing; given: id"):
        wb.invoke("asks", {"id": 1})
