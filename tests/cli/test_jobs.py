"""`workbench jobs` lists the jobs of a running workbench and executes one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.serving import until
from tests.serving import wb as wb
from workbench import CronJob, IntervalJob, OneTimeJob, Service, Workbench
from workbench.cli.main import main
from workbench.notebook.still import still
from workbench.scheduler.records import Run
from workbench.ui.rows import job_facts

Said = Callable[..., tuple[int, str, str]]


class Echo(Service):
    name = "echo"

    def handle(self) -> str:
        return f"heard {self.request.raw_request}"


class Fails(Service):
    name = "fails"

    def handle(self) -> None:
        raise ValueError("no reason")


@pytest.fixture
def said(wb: Workbench, capsys: pytest.CaptureFixture[str]) -> Said:
    """What the command answers about a workbench with three jobs: exit status, output, errors."""
    wb.deploy(Echo, Fails)
    wb.define(
        IntervalJob("hourly", service="echo", hours=1, timezone="Europe/Warsaw", extra="night shift"),
        OneTimeJob("later", service="echo", start="2035-01-01 00:00", active=False),
        IntervalJob("failing", service="fails", days=1),
    )
    wb.start()
    capsys.readouterr()

    def ran(*arguments: str) -> tuple[int, str, str]:
        status = main(["jobs", *arguments])
        return status, *capsys.readouterr()

    return ran


def test_jobs_are_listed_with_what_they_do_and_when(said: Said, wb: Workbench) -> None:
    status, out, err = said("list")
    assert (status, err) == (0, "")
    assert [line.partition(", next ")[0] for line in out.splitlines()] == [
        "failing: every 1 day, on",
        "hourly: every 1 hour, on",
        "later: once, 2035-01-01 00:00 UTC, inactive",
    ]
    assert out.splitlines()[2].endswith("next never")
    listed = json.loads(said("list", "--json")[1])
    assert [each["name"] for each in listed] == ["failing", "hourly", "later"]
    assert {each["last"] for each in listed} == {None}


def test_a_job_that_runs_is_listed_with_since_when(said: Said, wb: Workbench) -> None:
    begun, gate = threading.Event(), threading.Event()

    class Slow(Service):
        name = "slow"

        def handle(self) -> None:
            begun.set()
            gate.wait(30)

    wb.deploy(Slow)
    wb.define(IntervalJob("hourly", service="slow", hours=1))
    wb.jobs["hourly"].execute(wait=False)
    try:
        assert begun.wait(30)
        since = wb.jobs["hourly"].running_since
        assert since is not None
        line, html = said("list")[1].splitlines()[1], still({"jobs": [job_facts(wb.jobs["hourly"], None, {})]}, since)
    finally:
        gate.set()
    assert line.startswith(f"hourly: every 1 hour, on, running since {since:%Y-%m-%dT%H:%M:%S}")
    assert f"running since</span> {since:%a %d %b %H:%M:%S} UTC" in html
    assert wb.jobs["failing"].running_since is None


def test_without_jobs_it_says_so(wb: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    wb.start()
    assert main(["jobs", "list"]) == 0
    assert capsys.readouterr().out == "No jobs.\n"


def test_a_job_is_executed_now_with_its_own_extra_or_another(said: Said, wb: Workbench) -> None:
    assert said("execute", "hourly") == (0, "Job 'hourly': ok. 'heard night shift'\n", "")
    assert said("execute", "later", "--extra", "early bird")[1] == "Job 'later': ok. 'heard early bird'\n"
    run = json.loads(said("execute", "hourly", "--json")[1])
    assert (run["outcome"], run["cid"]) == ("ok", wb.jobs["hourly"].runs[-1].cid)
    assert [each.by_hand for each in wb.jobs["hourly"].runs] == [True, True]


def test_a_job_is_accounted_for_as_far_back_as_asked(said: Said, wb: Workbench) -> None:
    wb.jobs["hourly"].execute()
    status, out, _ = said("account", "hourly")
    assert (status, out.endswith("UTC: planned 0 = 0; 1 by hand.\n")) == (0, True)
    told = json.loads(said("account", "hourly", "--since", "2026-01-01 00:00", "--json")[1])
    assert (told["planned"], told["holds"], told["by_hand"]) == (0, True, 1)
    assert "'nonsense' is not a date and time" in said("account", "hourly", "--since", "nonsense")[2]


def test_a_failed_run_and_an_unknown_job_are_errors(said: Said) -> None:
    assert said("execute", "failing") == (1, "", "workbench: Job 'failing' failed: ValueError: no reason\n")
    status, out, err = said("execute", "hourlie")
    assert (status, out) == (1, "")
    assert "No job is named 'hourlie'; there are: failing, hourly, later. Did you mean 'hourly'?" in err
    assert said("execute")[2] == (
        "workbench: No job is named. Fix: workbench jobs execute NAME; workbench jobs list says which.\n"
    )


def test_one_job_is_shown_with_its_account_and_its_code(said: Said, wb: Workbench) -> None:
    status, out, err = said("show", "hourly")
    assert (status, err) == (0, "")
    first, *rest = out.splitlines()
    assert first.startswith("hourly: every 1 hour, on, next ")
    assert first.endswith("last: no run yet")
    assert rest[-1] == wb.jobs["hourly"].definition.to_code()
    assert any(": planned 0 = 0." in line for line in rest)
    wb.jobs["hourly"].execute()
    assert json.loads(said("show", "hourly", "--json")[1])["last"] == "ok"


def test_next_times_of_a_job_are_shown_in_its_zone_and_a_change_of_clocks_is_marked(said: Said, wb: Workbench) -> None:
    wb.define(IntervalJob("change", service="echo", days=1, start="2050-03-26 12:00", timezone="Europe/Warsaw"))
    assert said("preview", "change", "--last", "2")[1].splitlines() == [
        "Europe/Warsaw            UTC",
        "Sat 2050-03-26 12:00:00  Sat 2050-03-26 11:00:00",
        "Sun 2050-03-27 12:00:00  Sun 2050-03-27 10:00:00  clocks change: UTC+01 before, UTC+02 from here",
    ]
    told = json.loads(said("preview", "change", "--json")[1])
    assert (len(told["times"]), told["zone"]) == (20, "Europe/Warsaw")
    assert said("preview", "later")[1].splitlines() == ["UTC", "Mon 2035-01-01 00:00:00"]


def test_the_last_runs_of_a_job_are_listed(said: Said, wb: Workbench) -> None:
    assert said("runs", "hourly") == (0, "Job 'hourly' has no runs yet.\n", "")
    for _ in range(3):
        wb.jobs["hourly"].execute()
    wb.jobs["failing"].execute()
    lines = said("runs", "hourly", "--last", "2")[1].splitlines()
    assert [line.partition("  ")[2] for line in lines] == ["ok, by hand, 'heard night shift'"] * 2
    assert "failed, by hand, ValueError: no reason" in said("runs", "failing")[1]
    assert [run["cid"] for run in json.loads(said("runs", "hourly", "--json")[1])] == [
        run.cid for run in wb.jobs["hourly"].runs
    ]


def test_a_job_is_paused_resumed_and_removed(said: Said, wb: Workbench) -> None:
    assert said("pause", "hourly")[1] == "Job 'hourly' is paused; its planned times pass without a run.\n"
    assert wb.jobs["hourly"].state == "paused"
    assert said("resume", "hourly")[1].startswith("Job 'hourly' goes on; next 2")
    assert wb.jobs["hourly"].state == "on"
    assert said("remove", "hourly") == (0, "Job 'hourly' is removed, with its runs.\n", "")
    assert "hourly" not in wb.jobs


@pytest.mark.parametrize("action", ["show", "preview", "runs", "account", "pause", "resume", "remove"])
def test_every_action_wants_the_name_of_a_job_there_is(said: Said, wb: Workbench, action: str) -> None:
    assert said(action)[2] == (
        f"workbench: No job is named. Fix: workbench jobs {action} NAME; workbench jobs list says which.\n"
    )
    status, out, err = said(action, "hourlie")
    assert (status, out) == (1, "")
    assert "No job is named 'hourlie'" in err
    assert len(wb.jobs) == 3


def test_a_job_is_paused_until_a_time_of_its_zone(said: Said, wb: Workbench) -> None:
    assert said("pause", "hourly", "--until", "2050-01-01 08:00")[1] == (
        "Job 'hourly' is paused until 2050-01-01 08:00 (Europe/Warsaw); its planned times pass without a run.\n"
    )
    until = wb.jobs["hourly"].paused_until
    assert until is not None
    assert until.isoformat() == "2050-01-01T07:00:00+00:00"
    status, out, err = said("pause", "hourly", "--until", "2020-01-01 08:00")
    assert (status, out) == (1, "")
    assert "cannot pause until 2020-01-01 08:00, which is past. Fix: a time to come." in err
    assert said("resume", "hourly")[0] == 0
    assert wb.jobs["hourly"].paused_until is None


def test_a_backfill_is_dry_unless_it_is_to_run(said: Said, wb: Workbench) -> None:
    wb.define(IntervalJob("nightly", service="echo", days=1, start="2025-01-01 03:00"))
    span = ("backfill", "nightly", "--since", "2025-01-01 03:00", "--until", "2025-01-04 03:00")
    assert said(*span)[1].rstrip().endswith("Dry: nothing has run. Fix: --run makes the runs.")
    assert wb.jobs["nightly"].runs == []
    told = json.loads(said(*span, "--run", "--json")[1])
    assert [each[:10] for each in told["times"]] == ["2025-01-01", "2025-01-02", "2025-01-03"]
    until(lambda: len(wb.jobs["nightly"].runs) == 3 and wb.jobs["nightly"].backfilling is None, "the backfill ends")
    assert f"ok, backfill '{told['name']}'" in said("runs", "nightly")[1]
    assert said("backfill", "nightly", "--stop")[1] == "No backfill of job 'nightly' goes on here.\n"
    assert "A backfill has no beginning. Fix: --since" in said("backfill", "nightly")[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("remove", "hourly", "--until", "2050-01-01"), "takes no --until, only pause and backfill"),
        (("execute", "hourly", "--last", "20"), "takes no --last, only preview and runs"),
        (("pause", "hourly", "--since", "2050-01-01"), "takes no --since, only account and backfill"),
        (("list", "--run"), "'workbench jobs list' takes no --run, only backfill. Fix: leave it out."),
        (("list", "hourly"), "tells of all jobs. Fix: workbench jobs show hourly"),
        (("calendar", "a b"), "tells of all jobs. Fix: workbench jobs show 'a b'"),
    ],
)
def test_what_an_action_would_leave_aside_is_refused(
    said: Said, wb: Workbench, arguments: tuple[str, ...], words: str
) -> None:
    status, out, err = said(*arguments)
    assert (status, out) == (1, "")
    assert words in err
    assert len(wb.jobs) == 3
    assert all(job.runs == [] and job.state != "paused" for job in wb.jobs.values())


def test_a_job_that_pauses_is_listed_with_until_when(said: Said, wb: Workbench) -> None:
    wb.jobs["hourly"].pause("2050-01-01 08:00")
    wb.jobs["failing"].pause()
    assert said("list")[1].splitlines()[:2] == [
        "failing: every 1 day, paused, next never",
        "hourly: every 1 hour, paused until 2050-01-01T07:00:00Z",
    ]


def test_the_list_shows_recent_runs(said: Said, wb: Workbench) -> None:
    scheduler = wb._parts.scheduler
    planned = scheduler.clock.now() - timedelta(hours=1)
    for minute, outcome in enumerate(("ok", "failed", "missed")):
        at = planned + timedelta(minutes=minute)
        ran = {} if outcome == "missed" else {"started": at, "ended": at + timedelta(seconds=1)}
        run = Run.planned_by(scheduler.record("hourly"), at, outcome=outcome, **ran)
        assert scheduler._history.claim(run) is not None
    assert said("list")[1].splitlines()[1].endswith(", \u2588\u2717\u00b7")
    assert said("show", "hourly")[1].splitlines()[0].endswith(", \u2588\u2717\u00b7, last: missed")


def test_the_list_says_which_watches_have_tripped(said: Said, wb: Workbench) -> None:
    wb._parts.scheduler._history.trip("hourly", "start", "did not start within 15 s")
    line = said("list")[1].splitlines()[1]
    assert line.endswith(", START: did not start within 15 s")


def test_the_calendar_draws_the_coming_days(said: Said) -> None:
    out = said("calendar", "--days", "2")[1]
    assert "hourly" in out
    assert "busiest hour" in out
    planned = json.loads(said("calendar", "--days", "2", "--json")[1])["planned"]
    assert (planned["hourly"], planned.get("later")) == (48, None)
    assert "A calendar of 99 days cannot be drawn" in said("calendar", "--days", "99")[2]


def test_a_crontab_becomes_the_code_of_a_cell(said: Said, tmp_path: Path, wb: Workbench) -> None:
    path = tmp_path / "crontab"
    path.write_text("CRON_TZ=Europe/Warsaw\n0 3 * * * backup.sh --all\n61 * * * * never.sh\n@reboot hello\n")
    (plain := tmp_path / "plain").write_text("0 2 * * * backup.sh\n")
    status, out, err = said("import-crontab", str(path), "--service", "echo")
    assert (status, err) == (0, "")
    assert "# 3: left out: " in out
    assert "# 4: left out: @reboot" in out
    told = json.loads(said("import-crontab", str(path), "--service", "echo", "--json")[1])
    assert [each["line"] for each in told["left_out"]] == [3, 4]
    imports, _, code = told["code"].partition("\n")
    assert imports == "from workbench import CronJob, wb"
    exec(code, {"CronJob": CronJob, "wb": wb})
    assert (wb.jobs["backup.sh"].definition.timezone, len(wb.jobs)) == ("Europe/Warsaw", 4)
    assert (
        "# 1: left out: no service is named for its command. Fix: --service NAME\n"
        in said("import-crontab", str(plain))[1]
    )
    wrong = said("import-crontab", str(path), "--service", "echo", "--timezone", "Warsaw")
    assert (wrong[0], wrong[1]) == (1, "")
    assert "did you mean 'Europe/Warsaw'" in wrong[2]
    assert "No crontab is named. Fix: workbench jobs import-crontab FILE" in said("import-crontab")[2]
