"""What a cell changes is seen by its own calls at once, by others when it has ended well, and else by nobody."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from workbench.app.deploy.draft import Draft
from workbench.app.deploy.drafting import MANY
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.connections.rest.definition import RESTConnection
from workbench.core.errors import DanglingReference, DeployRefused, NameTaken, PathTaken, UnknownName
from workbench.core.origin import NOTEBOOK
from workbench.core.secret import PlainSecretWarning
from workbench.core.service import Service
from workbench.limiting.definition import Limit
from workbench.runtime.registry import Source
from workbench.scheduler.definitions import IntervalJob
from workbench.security.definitions import BasicAuth


class Boom(Exception):
    pass


@contextmanager
def cell(wb: Workbench, text: str = "") -> Iterator[Draft]:
    """A cell that deploys every class it defines."""
    with wb.drafting.scope(Source(NOTEBOOK, text), lambda cls: True) as draft:
        yield draft


def run(wb: Workbench, body: Any) -> None:
    """Run a function as a cell."""
    with cell(wb):
        body()


def service(name: str, answer: Any, **attributes: Any) -> type[Service]:
    return type("Made", (Service,), {"name": name, "handle": lambda self: answer, **attributes})


def elsewhere(call: Any) -> Any:
    """What a call made by another thread gives, or the class of what it raised."""
    got: list[Any] = []

    def run() -> None:
        try:
            got.append(call())
        except Exception as exc:
            got.append(type(exc))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    return got[0]


def test_a_cells_own_calls_see_its_classes_and_nobody_elses_do(wb: Workbench) -> None:
    wb.deploy(service("api", "old"))
    wb.define(RESTChannel("api"))
    with cell(wb):
        service("api", "new")
        service("fresh", "fresh")
        assert wb.invoke("api") == "new"
        assert wb.invoke("fresh") == "fresh"
        assert wb.call("GET /api").text == "new"
        assert elsewhere(lambda: wb.invoke("api")) == "old"
        assert elsewhere(lambda: wb.call("GET /api").text) == "old"
        assert elsewhere(lambda: wb.invoke("fresh")) is UnknownName
    assert wb.invoke("api") == elsewhere(lambda: wb.invoke("api")) == wb.call("GET /api").text == "new"
    assert wb.services["api"].live.number == 2


def test_a_channel_of_the_cells_own_service_opens_when_the_cell_has_ended(wb: Workbench) -> None:
    with cell(wb):
        service("fresh", "fresh")
        wb.define(RESTChannel("fresh"))
        assert wb.call("GET /fresh").text == "fresh"
        assert elsewhere(lambda: wb.call("GET /fresh").status) == 404
        assert "fresh" not in wb.channels
    assert elsewhere(lambda: wb.call("GET /fresh").text) == "fresh"


def test_a_failing_cell_changes_nothing(wb: Workbench) -> None:
    wb.deploy(service("api", "old", limit="100/m"))
    with pytest.warns(PlainSecretWarning):
        wb.define(
            BasicAuth("u", password="old"), RESTChannel("api", security="u"), RESTConnection("out", host="http://a")
        )
    before = (repr(wb.services), repr(wb.channels), repr(wb.security), repr(dict(wb.connections)), repr(wb.limits))

    def changes_everything() -> None:
        service("api", "new", limit="1/m")
        service("fresh", "fresh")
        with pytest.warns(PlainSecretWarning):
            wb.define(BasicAuth("u", password="new"), BasicAuth("v", password="new"))
        wb.define(RESTChannel("api", path="/elsewhere", security="v"), RESTChannel("fresh"))
        wb.define(RESTConnection("out", host="http://b"), RESTConnection("more", host="http://c"))
        wb.define(Limit("api", on="channel", lines="5/m"))
        raise Boom

    with pytest.raises(Boom):
        run(wb, changes_everything)
    after = (repr(wb.services), repr(wb.channels), repr(wb.security), repr(dict(wb.connections)), repr(wb.limits))
    assert after == before
    assert wb.connections["out"].definition.host == "http://a"
    assert wb.call("GET /api", user="u").text == "old"
    assert elsewhere(lambda: wb.call("GET /fresh").status) == 404


def test_what_a_failing_cell_deployed_by_hand_is_taken_back_too(wb: Workbench) -> None:
    wb.deploy(service("api", "old", limit="5/h"))

    def deploys() -> None:
        wb.deploy(service("api", "new"), service("fresh", "fresh"))
        assert elsewhere(lambda: wb.invoke("api")) == "new"
        raise Boom

    with pytest.raises(Boom):
        run(wb, deploys)
    assert wb.invoke("api") == "old"
    assert list(wb.services) == ["api"]
    assert [each.number for each in wb.services["api"].versions] == [1]
    assert "5/h" in repr(wb.limits)


def test_a_name_nobody_has_at_the_end_fails_the_cell(wb: Workbench) -> None:
    with pytest.raises(DanglingReference, match="REST 'x' names the service 'api.nope', which does not exist"):
        run(wb, lambda: (service("api.sample", "a"), wb.define(RESTChannel("x", service="api.nope"))))
    assert not wb.services


def test_a_path_taken_at_the_end_takes_the_services_back(wb: Workbench) -> None:
    wb.deploy(service("old", "old"))
    wb.define(RESTChannel("old", path="/same"))
    with pytest.raises(PathTaken):
        run(wb, lambda: (service("fresh", "fresh", limit="5/m"), wb.define(RESTChannel("fresh", path="/same"))))
    assert list(wb.services) == ["old"]
    assert wb.call("GET /same").text == "old"
    assert not wb.limits


def test_two_classes_of_one_name_in_one_cell_are_refused(wb: Workbench) -> None:
    with pytest.raises(DeployRefused, match="are both named 'api'; nothing was deployed"):
        run(wb, lambda: (service("api", 1), service("api", 2)))
    with pytest.raises(DeployRefused, match="both named 'api'"):
        wb.deploy(service("api", 1), service("api", 2))
    assert not wb.services


def test_a_broken_class_leaves_the_good_ones_of_its_cell_out(wb: Workbench) -> None:
    broken = {"name": "broken", "before_handle": Asyncs.before_handle}
    with pytest.raises(DeployRefused):
        run(wb, lambda: (service("good", 1), type("Broken", (Service,), broken)))
    assert not wb.services


class Asyncs:
    async def before_handle(self) -> None: ...


def test_drafts_of_two_threads_do_not_mix(wb: Workbench) -> None:
    together = threading.Barrier(2)
    failures: list[BaseException] = []

    def run_cell(name: str) -> None:
        try:
            with cell(wb):
                service(name, name)
                together.wait(30)
                assert wb.invoke(name) == name
                assert wb.drafting is not None
                together.wait(30)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=run_cell, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert sorted(wb.services) == ["one", "two"]


def test_a_limit_on_the_class_and_one_of_its_own_contradict_each_other(wb: Workbench) -> None:
    wb.deploy(service("api", 1))
    wb.define(Limit("api", on="service", lines="5/m"))
    with pytest.raises(NameTaken, match="The limit of service 'api' comes from two places"):
        wb.deploy(service("api", 2, limit="9/m"))
    assert wb.invoke("api") == 1
    wb.limits.remove("service api")
    wb.deploy(service("api", 2, limit="9/m"))
    with pytest.raises(NameTaken, match="Fix: keep one"):
        wb.define(Limit("api", on="service", lines="5/m"))
    assert "9/m" in repr(wb.limits)


@pytest.mark.usefixtures("still")
def test_a_rollback_brings_the_limit_of_that_version_back(wb: Workbench) -> None:
    from workbench.core.errors import TooManyRequests

    wb.deploy(service("api", 1, limit="1/h"))
    wb.deploy(service("api", 2))
    assert [wb.invoke("api") for _ in range(3)] == [2, 2, 2]
    assert repr(wb.services["api"].rollback()) == "api v1 is live again (was v2)."
    assert wb.invoke("api") == 1
    with pytest.raises(TooManyRequests):
        wb.invoke("api")
    wb.services.remove("api")
    wb.deploy(service("api", 3))
    assert wb.invoke("api") == 3


@pytest.mark.parametrize("was_on", [True, False])
def test_many_definitions_leave_the_collector_as_it_was_also_if_they_are_refused(was_on: bool) -> None:
    jobs = [IntervalJob(f"job {number}", service="hello", hours=1) for number in range(MANY)]
    with Workbench(port=0) as wb:
        gc.enable() if was_on else gc.disable()
        try:
            with pytest.raises(DanglingReference):
                wb.define(*jobs)
            assert gc.isenabled() == was_on
            wb.deploy(type("Hello", (Service,), {"name": "hello", "handle": lambda self: None}))
            wb.define(*jobs)
            assert (gc.isenabled(), len(wb.jobs)) == (was_on, MANY)
        finally:
            gc.enable()
