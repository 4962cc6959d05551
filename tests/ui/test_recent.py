"""A job's small card shows its recent runs as bars, its next time by two clocks, and how often it really runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from tests.kernels import ROOT
from tests.serving import until
from tests.ui.drawn import COLOURS, Drawn
from workbench import CronJob, IntervalJob, Service, Workbench
from workbench.cli.log import of_run
from workbench.core.clock import VirtualClock
from workbench.notebook import running
from workbench.notebook.html import COLOURS as INKS
from workbench.notebook.jobs import drawn
from workbench.notebook.still import essence, still
from workbench.scheduler.engine import Scheduler
from workbench.scheduler.jobs import Job
from workbench.scheduler.records import MOODS, Run, mood_of_outcome
from workbench.scheduler.runs.table import LATEST, RECENT_ROWS
from workbench.ui import views
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.rows import job_facts, run_facts
from workbench.ui.trace import COLOURS as COLOUR_OF
from workbench.ui.verbs import VERBS

START = datetime(2026, 1, 2, 12, tzinfo=UTC)
SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
PICTURES = ROOT / ".cache" / "pictures"


class Slow(Service):
    """Takes longer than the time between two runs."""

    name = "recent.slow"

    def handle(self) -> None:
        """Let time pass, and sometimes fail."""
        clock = self.now_from
        seconds = 50 if clock.now().minute % 3 else 30
        clock.advance(seconds)
        if clock.now().minute % 7 == 3:
            raise ValueError("the warehouse gives no answer")

    now_from: VirtualClock


class Quick(Service):
    """Takes no time."""

    name = "recent.quick"

    def handle(self) -> None:
        """Nothing."""


@pytest.fixture
def wb() -> Iterator[Workbench]:
    clock = VirtualClock(START)
    Slow.now_from = clock
    with Workbench(port=0, clock=clock) as made:
        made.deploy(Slow, Quick)
        yield made


@pytest.fixture
def desk(wb: Workbench) -> Iterator[Desk]:
    made = Desk(wb, Courier(), VERBS)
    yield made
    made.close()


def scheduler(wb: Workbench) -> Scheduler:
    return wb._parts.scheduler


def play(wb: Workbench, seconds: float) -> None:
    scheduler(wb).play(wb.clock.now() + timedelta(seconds=seconds))


def shown(desk: Desk, name: str) -> dict[str, Any]:
    facts: dict[str, Any]
    (facts,) = views.jobs([name])(desk)["jobs"]
    return facts


def test_the_bars_are_those_of_the_table_and_the_cadence_is_its_words(wb: Workbench, desk: Desk) -> None:
    wb.define(IntervalJob("sync", service="recent.slow", seconds=20, timezone="Asia/Tokyo"))
    assert shown(desk, "sync")["recent"] == []
    play(wb, 1_800)
    facts, row = shown(desk, "sync"), wb.jobs["sync"].row
    assert len(facts["recent"]) == LATEST
    assert {outcome for outcome, *_ in facts["recent"]} > {"ok", "failed"}
    assert max(share for _, share, *_ in facts["recent"]) == 1.0
    assert facts["recent"][-1][2].startswith(f"{row.runs[-1].planned.astimezone(row.zone):%a %Y-%m-%d %H:%M:%S}: ")
    assert facts["cadence"] == row.cadence == wb.jobs["sync"].cadence
    assert facts["cadence"].startswith("every 20 s, really every ")
    # The panel says the same.
    answers: list[dict[str, Any]] = []
    desk.answer({"ask": "panel", "tab": "jobs"}, answers.append)
    (in_panel,) = answers[0]["rows"]
    assert (in_panel["recent"], in_panel["cadence"]) == (facts["recent"], facts["cadence"])


def test_a_saved_card_has_the_bars_too(wb: Workbench, desk: Desk) -> None:
    wb.define(IntervalJob("sync", service="recent.slow", seconds=20))
    play(wb, 600)
    facts = views.jobs(["sync"])(desk)
    saved, (job,) = still(facts, START), facts["jobs"]
    assert saved.count("<rect ") == len(job["recent"]) > 5
    assert job["cadence"] in saved
    # A run more is no reason to save the card again.
    play(wb, 60)
    assert essence(views.jobs(["sync"])(desk)) == essence(facts)


@pytest.mark.parametrize("outcome", MOODS)
def test_an_outcome_has_one_colour_wherever_it_is_drawn_or_logged(outcome: str) -> None:
    ran = Run(job="sync", service="api.x", by="schedule", planned=START, started=START, outcome=outcome, error="so")
    mood = COLOUR_OF[ran.mood]
    card, bar = run_facts(ran), drawn([(outcome, 1.0, "said", mood)])
    assert (card["outcome"], card["mood"]) == (outcome, mood)
    assert INKS[mood] in running.run(ran)
    assert INKS[mood] in bar
    entry = of_run(ran)
    assert (entry.level if entry else "") == {"attention": "WARNING", "failed": "ERROR"}.get(ran.mood, "")


def test_an_interrupted_run_is_as_red_as_a_failed_one() -> None:
    reds = {outcome for outcome, mood in MOODS.items() if mood == "failed"}
    assert reds == {"failed", "timed_out", "interrupted"}
    assert mood_of_outcome("of another version") == "failed"


def test_runs_of_another_process_are_among_those_shown(tmp_path: Any) -> None:
    clock, url = VirtualClock(START), f"sqlite:///{tmp_path}/store.db"
    job = IntervalJob("both", service="recent.quick", minutes=1)
    with Workbench(port=0, clock=clock, store=url) as here, Workbench(port=0, clock=clock, store=url) as there:
        for each in (here, there):
            each.deploy(Quick)
            each.define(job)
        desk = Desk(here, Courier(), VERBS)
        for number in range(8):
            clock.advance(60)
            scheduler(there if number % 4 else here).tick()
            assert scheduler(there).settle()
            assert scheduler(here).settle()
        facts = shown(desk, "both")
        assert [outcome for outcome, *_ in facts["recent"]] == ["ok"] * 8
        # The last one ran there; nothing was heard of it here.
        assert facts["last"]["at"] == clock.time()
        # From what this process ran alone it would be every 4 min.
        assert facts["cadence"] == ""
        desk.close()


def test_the_latest_rows_are_read_alone_and_are_the_last_of_all(wb: Workbench) -> None:
    wb.define(IntervalJob("often", service="recent.quick", seconds=1))
    read: list[int] = []
    for _ in range(5):
        play(wb, 70)
        every, recent = list(wb.jobs["often"].runs), list(wb.jobs["often"].recent)
        assert recent == every[-RECENT_ROWS:]
        read.append(len(recent))
    assert read == [RECENT_ROWS] * 5
    wb.jobs["often"].remove()
    wb.define(IntervalJob("often", service="recent.quick", seconds=1))
    play(wb, 3)
    assert len(wb.jobs["often"].recent) == 3


def test_what_was_heard_and_is_in_no_row_is_the_last_run_all_the_same(wb: Workbench, desk: Desk) -> None:
    wb.define(IntervalJob("often", service="recent.quick", hours=1))
    play(wb, 3_600)
    job: Job = wb.jobs["often"]
    (run,) = job.runs
    later = run.__class__(job="often", service="recent.quick", by="hand", planned=START + timedelta(hours=2))
    assert job_facts(job, later, {})["last"]["by_hand"]
    assert job_facts(job, None, {})["last"]["outcome"] == "ok"
    until(lambda: desk.last, "the run was heard of")


SAMPLES = list(product(COLOURS, (400, 900))) if SOAK else [("light", 400), ("dark", 900)]


@pytest.mark.parametrize(("colours", "width"), SAMPLES)
def test_the_card_and_the_panel_draw_them(wb: Workbench, desk: Desk, chromium: Any, colours: str, width: int) -> None:
    wb.define(
        IntervalJob("sync", service="recent.slow", seconds=20, timezone="Asia/Tokyo"),
        CronJob(
            "nightly report of all branches", service="recent.quick", cron="30 3 * * *", timezone="Pacific/Auckland"
        ),
    )
    play(wb, 1_800)
    drawn = Drawn(chromium, desk, colours, width, scale=2)
    card = drawn.draw(views.jobs())
    small = card.locator('[data-job="sync"]')
    assert small.locator(".wb-recent > span").count() == LATEST
    heights = small.locator(".wb-recent > span").evaluate_all("(all) => all.map((each) => each.clientHeight)")
    assert max(heights) == 18
    assert min(heights) >= 3
    assert "really every" in small.inner_text()
    # The browser's own clock stands beside the job's.
    here = drawn.page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    assert f" {here})" in card.locator('[data-job^="nightly"] .wb-next').inner_text()
    assert (drawn.wrong(), drawn.faults(), drawn.errors) == ([], {}, [])
    picture(drawn, f"recent-{colours}-{width}")
    drawn.draw(views.everything)
    drawn.open("jobs")
    assert drawn.page.locator('.wb-tab-body [data-job="sync"] .wb-recent > span').count() == LATEST
    assert (drawn.wrong(), drawn.errors) == ([], [])
    picture(drawn, f"recent-panel-{colours}-{width}")
    drawn.close()


def picture(drawn: Drawn, name: str) -> None:
    if SOAK:
        PICTURES.mkdir(parents=True, exist_ok=True)
        drawn.page.screenshot(path=PICTURES / f"{name}.png")
