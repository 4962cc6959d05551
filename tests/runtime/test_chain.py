"""What runs around `handle`, in which order, and what its errors do."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import pytest

from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.call import Task
from workbench.core.errors import BadRequest, Conflict, DeployRefused, InvalidInput, ServiceUsage
from workbench.core.service import Service


class Told(Service):
    """Tells every hook, and raises in the one it is asked to."""

    name = "told"
    told: ClassVar[list[str]] = []
    fails_in: ClassVar[dict[str, Exception]] = {}

    def tell(self, word: str) -> None:
        self.told.append(word)
        if word in self.fails_in:
            raise self.fails_in[word]

    def accept(self) -> bool:
        self.tell("accept")
        return "refuse" not in self.fails_in

    def before_handle(self) -> None:
        self.tell("before_handle")

    def validate_input(self) -> None:
        self.tell("validate_input")

    def handle(self) -> Any:
        self.tell("handle")
        return "done"

    def validate_output(self) -> None:
        self.tell("validate_output")

    def after_handle(self) -> None:
        self.tell("after_handle")

    def finalize_handle(self) -> None:
        self.tell("finalize_handle")


class ToldAsync(Told):
    name = "told"

    async def accept(self) -> bool:  # type: ignore[override]
        await asyncio.sleep(0)
        return Told.accept(self)

    async def handle(self) -> Any:
        await asyncio.sleep(0)
        return Told.handle(self)

    async def finalize_handle(self) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        Told.finalize_handle(self)


ALL = ["accept", "before_handle", "validate_input", "handle", "validate_output", "after_handle", "finalize_handle"]


@pytest.fixture(params=[Told, ToldAsync], ids=["def", "async def"])
def told(request: pytest.FixtureRequest, wb: Workbench) -> list[str]:
    Told.told.clear()
    Told.fails_in.clear()
    wb.deploy(request.param)
    return Told.told


def test_hooks_run_in_order(wb: Workbench, told: list[str]) -> None:
    assert wb.invoke("told") == "done"
    assert told == ALL


def test_a_service_that_does_not_accept_answers_400(wb: Workbench, told: list[str]) -> None:
    Told.fails_in["refuse"] = ValueError()
    with pytest.raises(BadRequest):
        wb.invoke("told")
    assert told == ["accept", "finalize_handle"]


@pytest.mark.parametrize("hook", ["before_handle", "after_handle", "finalize_handle"])
def test_a_hook_that_fails_is_logged_and_the_call_goes_on(wb: Workbench, told: list[str], hook: str) -> None:
    Told.fails_in[hook] = ValueError("boom in the hook")
    assert wb.invoke("told") == "done"
    assert told == ALL
    lines = wb.log.of(wb.traffic[-1].cid)
    assert [line.level for line in lines] == ["ERROR"]
    assert lines[0].text.startswith(f"hook {hook} failed\nTraceback")
    assert "boom in the hook" in lines[0].text


def test_before_handle_may_refuse_the_call(wb: Workbench, told: list[str]) -> None:
    Told.fails_in["before_handle"] = Conflict("not now")
    with pytest.raises(Conflict, match="not now"):
        wb.invoke("told")
    assert told == ["accept", "before_handle", "finalize_handle"]


def test_validate_input_refuses_before_handle_runs(wb: Workbench, told: list[str]) -> None:
    Told.fails_in["validate_input"] = ValueError("bad")
    with pytest.raises(ValueError, match="bad"):
        wb.invoke("told")
    assert told == ["accept", "before_handle", "validate_input", "finalize_handle"]


@pytest.mark.parametrize("hook", ["handle", "validate_output"])
def test_after_handle_and_finalize_run_when_something_raised(wb: Workbench, told: list[str], hook: str) -> None:
    Told.fails_in[hook] = ValueError("boom")
    with pytest.raises(ValueError, match="boom"):
        wb.invoke("told")
    assert told == [*ALL[: ALL.index(hook) + 1], "after_handle", "finalize_handle"]
    assert wb.traffic[-1].root.outcome == "failed: ValueError"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, StopIteration, GeneratorExit])
def test_hooks_run_whatever_handle_raised(wb: Workbench, told: list[str], error: type[BaseException]) -> None:
    Told.fails_in["handle"] = error()  # type: ignore[assignment]
    with pytest.raises((error, RuntimeError, ServiceUsage)):
        wb.invoke("told")
    assert told[-2:] == ["after_handle", "finalize_handle"]
    Told.fails_in.clear()
    assert wb.invoke("told") == "done"


class Job(Service):
    name = "job"
    told: ClassVar[list[str]] = []

    def before_job(self) -> None:
        self.told.append("before_job")

    def before_one_time_job(self) -> None:
        self.told.append("before_one_time_job")

    def before_cron_style_job(self) -> None:
        self.told.append("before_cron_style_job")

    def handle(self) -> None:
        self.told.append(f"handle {self.job_type}".strip())

    def after_interval_based_job(self) -> None:
        self.told.append("after_interval_based_job")

    def after_cron_style_job(self) -> None:
        self.told.append("after_cron_style_job")


@pytest.mark.parametrize(
    ("job_type", "wanted"),
    [
        ("", ["handle"]),
        ("one_time", ["before_job", "before_one_time_job", "handle one_time"]),
        ("interval_based", ["before_job", "handle interval_based", "after_interval_based_job"]),
        ("cron_style", ["before_job", "before_cron_style_job", "handle cron_style", "after_cron_style_job"]),
    ],
)
def test_only_the_hooks_of_the_jobs_own_kind_run(wb: Workbench, job_type: str, wanted: list[str]) -> None:
    Job.told.clear()
    wb.deploy(Job)
    invoker = wb._parts.invoker
    invoker.run(invoker.call_of(Task("job", job_type=job_type)))
    assert Job.told == wanted


class Verbs(Service):
    name = "verbs"

    def handle_GET(self) -> str:
        return f"got {self.request.http.method}"

    def handle_POST(self) -> str:
        return f"posted {self.request.raw_request!r}"


def test_a_service_with_verbs_answers_them_alone(wb: Workbench) -> None:
    wb.deploy(Verbs)
    wb.define(RESTChannel("verbs", path="/v"))
    assert wb.call("GET /v").text == "got GET"
    assert wb.call("POST /v", data="x").text == "posted b'x'"
    head = wb.call("HEAD /v")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "8")
    refused = wb.call("DELETE /v")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert refused.json() == {"result": "Error", "cid": refused.cid, "details": "Method Not Allowed"}


def test_a_service_with_verbs_alone_says_how_to_reach_it(wb: Workbench) -> None:
    wb.deploy(Verbs)
    with pytest.raises(ServiceUsage, match="only handle_GET, handle_POST, reached by HTTP. Fix: call it through"):
        wb.invoke("verbs")


def test_a_helper_that_begins_like_a_verb_is_no_verb(wb: Workbench) -> None:
    class Helped(Service):
        name = "helped"

        def handle_order(self) -> str:
            return "order"

        def handle(self) -> str:
            return self.handle_order()

    wb.deploy(Helped)
    wb.define(RESTChannel("helped"))
    assert wb.call("DELETE /helped").text == "order"


def test_bad_input_never_reaches_handle(wb: Workbench) -> None:
    class Wants(Service):
        name = "wants"
        input = "a", "b_count"

        def handle(self) -> None:
            raise AssertionError("handle ran")

    wb.deploy(Wants)
    with pytest.raises(InvalidInput, match="^Invalid input: 'a' is missing; 'b_count' must be a whole number$"):
        wb.invoke("wants", {"b_count": "x"})


@pytest.mark.parametrize(
    ("body", "fix"),
    [
        ({"handle_GET": lambda self, x: 1}, "handle_GET takes \\(self\\) alone. Fix: declare input = TheModel"),
        ({"handle": lambda self: 1, "handle_GET": ToldAsync.handle}, "mixes def and async def"),
        ({"handle": lambda self: 1, "before_handle": ToldAsync.finalize_handle}, "its before_handle is. Fix"),
        ({"handle": 5}, "its handle is 5. Fix: write def handle"),
        ({"__init__": lambda self, x: None}, "its __init__ wants arguments"),
        ({"name": 5}, "Class Wrong has the name 5. Fix: name ="),
        ({"name": " "}, "has the name ' '"),
        ({"name": "two\nlines"}, "1 to 200 printable characters"),
        ({"name": "x" * 201}, "1 to 200 printable characters"),
    ],
)
def test_what_could_not_work_is_refused_at_deployment(wb: Workbench, body: dict[str, Any], fix: str) -> None:
    with pytest.raises(DeployRefused, match=fix):
        wb.deploy(type("Wrong", (Service,), {"name": "wrong", **body}))
    assert list(wb.services) == []


def test_a_class_that_is_still_abstract_is_no_service_yet(wb: Workbench) -> None:
    class Base(Service, ABC):
        name = "base"

        @abstractmethod
        def handle(self) -> str: ...

    class Whole(Base):
        name = "whole"

        def handle(self) -> str:
            return "whole"

    wb.deploy(Base, Whole)
    assert (list(wb.services), wb.invoke("whole")) == (["whole"], "whole")


def test_a_service_without_handle_says_what_to_write(wb: Workbench) -> None:
    wb.deploy(type("Empty", (Service,), {"name": "empty"}))
    with pytest.raises(ServiceUsage, match="Service 'empty' has no handle. Fix: write def handle"):
        wb.invoke("empty")
