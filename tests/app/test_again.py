"""A recorded call is run again: as it came, on another version, with another input, or from one of its steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.again import called, deployed
from workbench import CronJob, RESTChannel, Service, Workbench, secret
from workbench.app.serving.again import CallsOutside
from workbench.connections.folder import LocalFolder
from workbench.connections.ftp.definition import FTPConnection
from workbench.connections.rest.definition import RESTConnection
from workbench.core.errors import DeployRefused, ServiceUsage
from workbench.core.payload.asked import NotInRecord
from workbench.runtime.compared import given_of
from workbench.security.definitions import BasicAuth


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.define(
            RESTConnection("Data", host="https://data.example.com", path="/{path}", retries=0),
            FTPConnection("FTP", host="ftp.example.com"),
            LocalFolder("Here", path="/nowhere"),
        )
        wb.sandbox()
        yield wb


# As it came.
def test_a_request_comes_again_as_it_came_and_as_the_same_user(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADA", "ada-password-1")

    class Told(Service):
        name = "api.told"

        def handle(self) -> Any:
            http = self.request.http
            seen = (http.method, http.path, http.GET, http.headers.get("X-Shop"), self.request.text)
            return [*seen, self.channel.name, self.channel.security.name]

    wb.deploy(Told)
    wb.define(
        BasicAuth("ada", password=secret("ADA")),
        RESTChannel("told", service="api.told", path="/t/{id}", security="ada"),
    )
    answer = wb.call("PUT /t/7?a=b%20c", data="body", headers={"X-Shop": "Lodz"}, user="ada")
    assert answer.json() == ["PUT", "/t/7", {"a": "b c"}, "Lodz", "body", "told", "ada"]
    assert answer.trace is not None
    again = answer.trace.again()
    assert again.answer.json() == answer.json()
    assert again.error is None
    assert again.trace is wb.traffic[-1] is not answer.trace
    assert again.compared.first == ""
    as_nobody = answer.trace.again(user="")
    assert as_nobody.answer.status == 401
    assert "ada-password-1" not in repr(given_of(answer.trace)) + repr(again) + repr(as_nobody.compared)


def test_what_did_not_come_by_http_is_invoked_again_with_what_it_was_given_then(wb: Workbench) -> None:
    class Changes(Service):
        name = "api.changes"

        def handle(self) -> Any:
            self.request.payload["items"].append(len(self.request.payload["items"]))
            return self.request.payload

    wb.deploy(Changes)
    given = {"items": [1]}
    wb.invoke("api.changes", given)
    given["items"].clear()
    first = wb.traffic[-1]
    assert first.again().answer == {"items": [1, 1]}
    assert first.again().answer == {"items": [1, 1]}, "the record is nobody's to change"
    assert first.again(data={"items": []}).answer == {"items": [0]}
    assert "The input differs" in wb.traffic[-1].compare(first).first
    with pytest.raises(ServiceUsage, match="no channel, and so has no user"):
        first.again(user="ada")


def test_a_job_is_run_again_with_its_extra(wb: Workbench) -> None:
    deployed(wb, lambda self: self.request.text)
    wb.define(CronJob("nightly", service="api.works", cron="0 3 * * *", extra="of the job"))
    wb.jobs["nightly"].execute()
    assert wb.traffic[-1].again().answer == "of the job"


def test_ten_times_is_ten_calls(wb: Workbench) -> None:
    deployed(wb, lambda self: self.request.text)
    before = called(wb)
    runs = before.again(times=10)
    assert [each.answer.text for each in runs] == ["hello"] * 10
    assert len({each.trace.cid for each in runs}) == 10
    with pytest.raises(ServiceUsage, match="1 to 1,000"):
        before.again(times=0)


def test_another_version_runs_and_does_not_become_live(wb: Workbench) -> None:
    deployed(wb, lambda self: "one")
    deployed(wb, lambda self: "two")
    before = called(wb)
    assert before.again(version=1).answer.text == "one"
    assert wb.services["api.works"].live.number == 2
    assert wb.call("GET /api.works").text == "two"
    assert wb.traffic[-2].root.steps[0].version == 1  # type: ignore[attr-defined]
    with pytest.raises(DeployRefused, match="keeps no version 9.*take one of 1, 2"):
        before.again(version=9)
    wb.invoke("api.works")
    assert wb.traffic[-1].again(version=1).answer == "one"


def test_a_call_that_failed_is_repeated_with_its_error(wb: Workbench) -> None:
    class Fails(Service):
        name = "api.fails"

        def handle(self) -> None:
            raise ValueError("no such order")

    wb.deploy(Fails)
    with pytest.raises(ValueError, match="no such order"):
        wb.invoke("api.fails")
    again = wb.traffic[-1].again()
    assert repr(again.error) == "ValueError('no such order')"


def test_input_that_is_too_large_is_not_kept_and_that_is_said(tmp_path: Path) -> None:
    with Workbench(port=0, folder=tmp_path, record_bytes=5000) as wb:
        deployed(wb, lambda self: str(len(self.request.raw_request)))
        before = called(wb, data="x" * 5001)
        with pytest.raises(NotInRecord, match=r"is over 5,000 bytes, too large to be kept\. Fix: give it with"):
            before.again()
        assert before.again(data="abc").answer.text == "3"
        wb.invoke("api.works", "y" * 5001)
        with pytest.raises(NotInRecord, match="is over 5,000 bytes"):
            wb.traffic[-1].again()


def test_a_call_that_still_runs_is_not_run_again(wb: Workbench) -> None:
    seen: list[Any] = []

    def work(self: Any) -> None:
        with pytest.raises(NotInRecord, match="still runs"):
            wb.traffic[-1].again()
        seen.append(True)

    deployed(wb, work)
    called(wb)
    assert seen


# On real accounts.
def test_it_first_names_the_real_accounts_that_it_would_call(wb: Workbench) -> None:
    def work(self: Any) -> str:
        self.out.folder["Here"].write("a.txt", "a", overwrite=True)
        self.out.rest["Data"].conn.get(self.cid, {"path": "rates"})
        self.out.ftp["FTP"].write("a.txt", "a", overwrite=True)
        return "done"

    deployed(wb, work)
    before = called(wb)
    wb.sandbox(False)
    with pytest.raises(CallsOutside, match=r"data\.example\.com \(Data\), ftp\.example\.com \(FTP\) for real"):
        before.again()
    # What is answered from the record is not called.
    with pytest.raises(CallsOutside) as refused:
        before.again(since=before.steps("ftp")[0])
    assert refused.value.hosts == {"FTP": "ftp.example.com"}
    wb.sandbox()
    assert before.again().error is None
