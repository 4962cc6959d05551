"""An error of an invoked service reaches the caller with its own status and words, however deep it was raised."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serving import wb as wb
from workbench import RESTChannel, Service, Workbench
from workbench.core import errors
from workbench.core.errors import CallerError, ServiceUnavailable

FOR_CALLERS = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CallerError)]
RAISED: dict[str, Any] = {each.__name__: each for each in (*FOR_CALLERS, ServiceUnavailable, ValueError)}
del RAISED["InvalidInput"]


class Raises(Service):
    name = "raises"

    def handle(self) -> None:
        kind = RAISED[self.request.payload["name"]]
        raise kind() if kind is errors.TooManyRequests else kind("Words of it")


class Middle(Service):
    name = "middle"

    def handle(self) -> Any:
        return self.invoke("raises", self.request.payload, as_bunch=True)


class Outer(Service):
    name = "outer"

    def handle(self) -> Any:
        return self.invoke("middle", self.request.payload)


class AsyncOuter(Service):
    name = "outer"

    async def handle(self) -> Any:
        return await self.invoke.aio("middle", self.request.payload)


@pytest.mark.parametrize("outer", [Outer, AsyncOuter])
def test_its_status_and_words_stay(wb: Workbench, outer: type[Service]) -> None:
    wb.deploy(Raises, Middle, outer)
    wb.define(RESTChannel("raises"), RESTChannel("outer"))
    for name, kind in RAISED.items():
        direct, nested = (wb.call(f"POST /{each}", data={"name": name}) for each in ("raises", "outer"))
        assert nested.status == direct.status == getattr(kind, "status", 500), name
        assert nested.json()["details"] == direct.json()["details"]
        assert nested.json()["cid"] == nested.cid
        if nested.status != 500 and name != "TooManyRequests":
            assert nested.json()["details"] == "Words of it"


def test_wrong_input_of_an_invoked_service_names_what_is_missing(wb: Workbench) -> None:
    class Wants(Service):
        name = "wants"
        input = "order_id"

        def handle(self) -> Any:
            return self.request.input.order_id

    class Asks(Service):
        name = "asks"

        def handle(self) -> Any:
            return self.invoke("wants", {})

    wb.deploy(Wants, Asks)
    wb.define(RESTChannel("asks"))
    answer = wb.call("POST /asks", data={})
    assert (answer.status, answer.json()["details"]) == (400, "Invalid input: 'order_id' is missing")


def test_a_service_may_catch_it_and_answer_otherwise(wb: Workbench) -> None:
    class Catches(Service):
        name = "catches"

        def handle(self) -> Any:
            try:
                self.invoke("raises", {"name": "NotFound"})
            except errors.NotFound as exc:
                self.response.status_code = exc.status
                return {"said": exc.details}

    wb.deploy(Raises, Catches)
    wb.define(RESTChannel("catches"))
    answer = wb.call("POST /catches", data={})
    assert (answer.status, answer.json()) == (404, {"said": "Words of it"})
