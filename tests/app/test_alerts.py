"""Who a job names in `on_alert` is told, over the real protocol of a peer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import until
from workbench.app.scheduling.alerts import Alerts
from workbench.app.workbench import Workbench
from workbench.connections.smtp.definition import SMTPConnection
from workbench.core.clock import VirtualClock
from workbench.core.errors import InvalidDefinition
from workbench.core.events import Events
from workbench.core.service import Service
from workbench.sandbox.http.source import HTTPSource
from workbench.sandbox.smtp_inbox import SMTPInbox
from workbench.scheduler.definitions import IntervalJob
from workbench.scheduler.ports import JobResult
from workbench.scheduler.records import WatchChanged
from workbench.ui.rows import job_facts


class Fickle(Service):
    name = "fickle"
    fails = False

    def handle(self) -> None:
        if Fickle.fails:
            raise ValueError("no more paper")


@pytest.fixture
def checks() -> Iterator[HTTPSource]:
    """Stands for a service that awaits pings and notices a machine that sends none."""
    peer = HTTPSource("checks").start()
    for path in ("/ping/4f2c", "/ping/4f2c/start", "/ping/4f2c/fail"):
        for method in ("GET", "POST"):
            peer.reply(path, text="OK", method=method)
    yield peer
    peer.stop()


def asked(peer: HTTPSource) -> list[tuple[str, str, str]]:
    return [(each.method, each.path, each.text) for each in peer.requests]


def tripped(wb: Workbench, job: str, has_tripped: bool = True) -> WatchChanged:
    return WatchChanged(job, "long", has_tripped, "it has been running for 9 min", wb.clock.now())


def test_a_watch_that_tripped_is_a_red_mark_in_the_list_and_on_the_card(tmp_path: Path) -> None:
    clock = VirtualClock()
    with Workbench(port=0, folder=tmp_path, clock=clock) as wb:
        wb.deploy(Fickle)
        wb.define(IntervalJob("j", service="fickle", minutes=1, missed="skip"))
        wb.define(IntervalJob("k", service="fickle", days=1))
        clock.advance(630)
        wb.jobs["j"].wait(runs=1, timeout=120)
        until(lambda: wb.jobs["j"].tripped, "it has tripped")
        words = wb.jobs["j"].tripped["start"]
        assert words.startswith("9 planned times did not start, from 2026-01-01 00:01:00 UTC on")
        first, second = repr(wb.jobs).splitlines()[1:]
        assert f"\N{LARGE RED CIRCLE} {words}" in first
        assert "\N{LARGE RED CIRCLE}" not in second
        assert job_facts(wb.jobs["j"], None, {})["tripped"] == [words]
        assert job_facts(wb.jobs["k"], None, {})["tripped"] == []


def test_a_url_is_called_on_start_ok_and_fail(wb: Workbench, checks: HTTPSource) -> None:
    wb.deploy(Fickle)
    Fickle.fails = False
    wb.define(IntervalJob("j", service="fickle", seconds=1, repeats=1, on_alert=f"{checks.url}/ping/4f2c"))
    until(lambda: len(asked(checks)) == 2, "both are called")
    assert [(method, path) for method, path, _ in asked(checks)] == [("GET", "/ping/4f2c/start"), ("GET", "/ping/4f2c")]
    Fickle.fails = True
    wb.define(IntervalJob("k", service="fickle", seconds=1, repeats=1, on_alert=f"{checks.url}/ping/4f2c"))
    until(lambda: len(asked(checks)) == 4, "both are called")
    assert asked(checks)[2][:2] == ("GET", "/ping/4f2c/start")
    assert asked(checks)[3] == ("POST", "/ping/4f2c/fail", "ValueError: no more paper")
    Fickle.fails = False


def test_a_watch_that_trips_is_a_fail_and_a_run_by_hand_nothing(wb: Workbench, checks: HTTPSource) -> None:
    wb.deploy(Fickle)
    wb.define(IntervalJob("j", service="fickle", hours=1, on_alert=f"{checks.url}/ping/4f2c/?run=1"))
    wb.jobs["j"].execute()
    wb.events.emit(tripped(wb, "j"))
    wb.events.emit(tripped(wb, "j", False))
    until(lambda: asked(checks), "it is called")
    assert asked(checks) == [("POST", "/ping/4f2c/fail", "it has been running for 9 min")]
    assert checks.requests[0].query == "run=1"


def test_a_mail_and_a_service_are_told_each_change_of_a_watch(wb: Workbench) -> None:
    told: list[Any] = []

    class Told(Service):
        name = "told"

        def handle(self) -> None:
            told.append(self.request.payload)

    wb.deploy(Told)
    inbox = SMTPInbox("My SMTP").start()
    wb.define(SMTPConnection("My SMTP", host=inbox.host, port=inbox.port, from_="jobs@example.com"))
    wb.define(IntervalJob("mailed", service="told", hours=1, on_alert="My SMTP:ops@example.com"))
    wb.define(IntervalJob("told", service="told", hours=1, on_alert="told"))
    for job in ("mailed", "told"):
        wb.events.emit(tripped(wb, job))
        wb.events.emit(tripped(wb, job, False))
    until(lambda: len(told) == 2 and len(inbox.messages) == 2, "all are told")
    first, second = inbox.messages
    assert first.to == ["ops@example.com"]
    assert first.subject.startswith("ALERT: job 'mailed'")
    assert "it has been running for 9 min" in first.text
    assert second.subject.startswith("well again: job 'mailed'")
    assert [(each["job"], each["watch"], each["has_tripped"]) for each in told] == [
        ("told", "long", True),
        ("told", "long", False),
    ]
    inbox.stop()


def test_an_alert_by_a_connection_without_a_sender_comes_from_the_address_itself(wb: Workbench) -> None:
    wb.deploy(Fickle)
    inbox = SMTPInbox("My SMTP").start()
    wb.define(SMTPConnection("My SMTP", host=inbox.host, port=inbox.port))
    wb.define(IntervalJob("mailed", service="fickle", hours=1, on_alert="My SMTP:ops@example.com"))
    wb.events.emit(tripped(wb, "mailed"))
    until(lambda: inbox.messages, "it is told")
    assert (inbox.messages[0].from_, inbox.messages[0].to) == ("ops@example.com", ["ops@example.com"])
    inbox.stop()


def test_an_alert_that_does_not_arrive_is_logged_without_its_path(
    wb: Workbench, checks: HTTPSource, caplog: pytest.LogCaptureFixture
) -> None:
    wb.deploy(Fickle)
    wb.define(IntervalJob("j", service="fickle", hours=1, on_alert=f"{checks.url}/ping/gone-7d1"))
    wb.define(IntervalJob("k", service="fickle", hours=1, on_alert="http://127.0.0.1:9/ping/4f2c"))
    for job in ("j", "k"):
        wb.events.emit(tripped(wb, job))
    until(lambda: "an alert of job 'k' did not arrive" in caplog.text, "it is logged")
    assert "an alert of job 'j' did not arrive: The URL of job 'j' answered 404. Fix:" in caplog.text
    assert "gone-7d1" not in caplog.text
    assert "4f2c" not in caplog.text


def test_a_job_of_the_longest_name_is_told(wb: Workbench, checks: HTTPSource) -> None:
    wb.deploy(Fickle)
    wb.define(IntervalJob("j" * 200, service="fickle", hours=1, on_alert=f"{checks.url}/ping/4f2c"))
    wb.events.emit(tripped(wb, "j" * 200))
    until(lambda: asked(checks), "it is called")
    assert asked(checks) == [("POST", "/ping/4f2c/fail", "it has been running for 9 min")]


def test_a_service_that_hangs_when_it_is_told_keeps_nobody_from_ending(wb: Workbench) -> None:
    came, gate, events = threading.Event(), threading.Event(), Events()

    def hang(*args: Any, **how: Any) -> JobResult:
        came.set()
        gate.wait(30)
        return JobResult("cid")

    job = IntervalJob("j", service="s", hours=1, on_alert="hangs")
    alerts = Alerts(events, lambda name: job, wb._parts.live, hang, "nb.ipynb")
    for _ in range(2):
        events.emit(tripped(wb, "j"))
    assert came.wait(30)
    came.clear()
    sender = next(each for each in threading.enumerate() if each.name == "workbench-alerts")
    alerts.close(0.1)
    assert sender.is_alive()
    assert sender.daemon
    gate.set()
    sender.join(30)
    assert not sender.is_alive()
    assert not came.is_set(), "what waited is left out"


@pytest.mark.parametrize("url", ["ftp://example.com/x", "https:///x", "https://me:pw@example.com/x"])
def test_what_is_no_url_to_call_is_refused(url: str) -> None:
    with pytest.raises(InvalidDefinition, match="on_alert"):
        IntervalJob("j", service="s", hours=1, on_alert=url)
