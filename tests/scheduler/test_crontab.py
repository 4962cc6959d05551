"""A crontab becomes definitions, and each of its lines says what became of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scheduler.conftest import Bench
from workbench.core.errors import WorkbenchError
from workbench.scheduler.cron.crontab import Crontab, import_crontab

WHOLE = """\
# nightly work

SHELL=/bin/bash
MAILTO = "ops@example.com"
30 2 * * 1-5 /opt/jobs/backup.sh --full
CRON_TZ=Europe/Warsaw
0 9 * * mon-fri LANG=C report | mail%Dear all,%100\\% done.
@hourly tidy
-*/15 * * * * tidy --more
@reboot start
RANDOM_DELAY=5
0 0 1 1 * tidy
61 * * * * tidy
* * * *
0 0 30 2 * tidy
5/10 * * * * tidy
0 1 * * * unknown
CRON_TZ=Mars/Olympus
0 2 * * * tidy
"""
SERVICES = {"backup.sh": "api.backup", "report": "api.report", "tidy": "api.tidy", "tidy --more": "api.more"}


def _said(crontab: Crontab, number: int) -> str:
    return crontab.lines[number - 1].said


def test_every_line_stands_beside_what_became_of_it() -> None:
    crontab = import_crontab(WHOLE, SERVICES)
    assert [line.text for line in crontab.lines] == WHOLE.splitlines()
    assert [line.number for line in crontab.lines] == list(range(1, 20))
    assert [line.what for line in crontab.lines] == [
        *("comment", "blank", "setting", "setting", "job", "setting", "job", "job", "job", "left out", "setting"),
        *("job", "left out", "left out", "left out", "left out", "left out", "setting", "left out"),
    ]
    assert all(line.said for line in crontab.lines if line.what != "blank")
    assert crontab.definitions == [line.definition for line in crontab.lines if line.what == "job"]
    shown = repr(crontab)
    assert all(line.text in shown and line.said in shown for line in crontab.lines)
    assert shown.endswith("5 jobs, 7 left out; define: wb.define(*_.definitions).")


def test_times_zones_and_services_are_taken_over() -> None:
    jobs = import_crontab(WHOLE, SERVICES).definitions
    assert [(job.name, job.service, job.cron, job.timezone, job.jitter_seconds) for job in jobs] == [
        ("backup.sh", "api.backup", "30 2 * * 1-5", "UTC", 0),
        ("report", "api.report", "0 9 * * mon-fri", "Europe/Warsaw", 0),
        ("tidy", "api.tidy", "@hourly", "Europe/Warsaw", 0),
        ("tidy 2", "api.more", "*/15 * * * *", "Europe/Warsaw", 0),
        ("tidy 3", "api.tidy", "0 0 1 1 *", "Europe/Warsaw", 300),
    ]


def test_a_service_is_told_the_command_its_input_and_its_settings() -> None:
    backup, report, *_ = import_crontab(WHOLE, SERVICES).definitions
    environment = {"SHELL": "/bin/bash", "MAILTO": "ops@example.com"}
    assert backup.extra == {"command": "/opt/jobs/backup.sh --full", "environment": environment}
    assert report.extra == {
        "command": "LANG=C report | mail",
        "environment": environment,
        "stdin": "Dear all,\n100% done.",
    }


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (4, "sends no mail here, see on_error"),
        (6, "the times below are read in Europe/Warsaw"),
        (7, "what follows % is extra['stdin']"),
        (9, "the - before it, for no log, has no meaning here"),
        (10, "left out: @reboot names no time"),
        (11, "jitter_seconds=300"),
        (13, "left out: minute '61' is not right"),
        (14, "left out: it has no five times and a command"),
        (15, "never comes"),
        (16, "'5/10' means one time to some crons and many to others; write '5', or a range, as in '5-59/10'"),
        (17, "left out: no service is named for its command. Fix: service={'unknown': 'NAME'}"),
        (18, "'Mars/Olympus' is not a known time zone"),
        (19, "left out: its zone is not known: 'Mars/Olympus'"),
    ],
)
def test_what_is_taken_otherwise_or_left_out_is_said(number: int, said: str) -> None:
    assert said in _said(import_crontab(WHOLE, SERVICES), number)


def test_a_crontab_of_the_system_names_users(tmp_path: Path) -> None:
    text = "17 * * * * root run-parts /etc/cron.hourly\n5 4 * * * root\n"
    whole, empty = import_crontab(text, "shell", user_column=True).lines
    assert whole.definition is not None
    assert whole.definition.extra == {"command": "run-parts /etc/cron.hourly", "environment": {}, "user": "root"}
    assert "nobody logs in" in whole.said
    assert empty.said == "left out: it has no command"
    own = import_crontab(text, "shell").definitions[0]
    assert own.extra == {"command": "root run-parts /etc/cron.hourly", "environment": {}}


def test_without_a_service_no_line_becomes_a_job_and_an_unused_one_is_said() -> None:
    assert import_crontab(WHOLE).definitions == []
    assert "No line runs 'restore', which service= names." in repr(import_crontab(WHOLE, {"restore": "api.restore"}))


def test_a_crontab_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my crontab"
    path.write_text(WHOLE)
    for given in (path, str(path)):
        assert repr(import_crontab(given, SERVICES)) == repr(import_crontab(WHOLE, SERVICES))
    path.write_bytes(b"\xff\n")
    with pytest.raises(WorkbenchError, match="it is not UTF-8 text"):
        import_crontab(path)
    with pytest.raises(WorkbenchError, match="No such file or directory.*Fix: give the path"):
        import_crontab(str(tmp_path / "nothing"))


@pytest.mark.parametrize(("text", "lines"), [("", 0), ("\n", 1), ("CRON_TZ=UTC", 1), ("# a", 1), ("@reboot", 1)])
def test_short_texts_are_texts(text: str, lines: int) -> None:
    assert len(import_crontab(text).lines) == lines


def test_a_line_that_is_too_long_for_a_path_is_a_line() -> None:
    (job,) = import_crontab(f"0 3 * * * backup.sh {'x' * 300}", "s").definitions
    assert job.name == "backup.sh"


def test_the_same_crontab_makes_the_same_jobs(bench: Bench) -> None:
    for word in ("defined", "unchanged"):
        for job in bench.jobs.import_crontab(WHOLE, SERVICES).definitions:
            assert bench.scheduler.define(job) == word
    assert len(bench.jobs) == 5
