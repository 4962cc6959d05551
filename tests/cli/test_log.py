"""`workbench serve` writes what a person would look for, and a CID finds its call from outside the process."""

from __future__ import annotations

import io
import json
import logging
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cli.conftest import CommandLine, Served
from tests.cli.test_serve import notebook
from tests.serving import until
from tests.serving import wb as wb
from workbench import IntervalJob, RESTChannel, Service, Workbench
from workbench.cli.log import ServedLog
from workbench.cli.main import main
from workbench.core.masking import learn

HEAD = "from workbench import BasicAuth, IntervalJob, RESTChannel, Service, secret, wb"
TALKS = """class Talks(Service):
    name = "talks"

    def handle(self):
        print("printed words")
        self.logger.info("an answer of %s", 42)
        return "ok"
"""
FAILS = """import json

class Fails(Service):
    name = "fails"

    def handle(self):
        json.loads("no json")
"""
DEFINES = "wb.define(RESTChannel('talks'), RESTChannel('fails'))"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def served(fresh: CommandLine) -> Served:
    return fresh.serve(fresh.module("shop.ipynb", notebook(HEAD, TALKS, FAILS, DEFINES)))


def lines_of(served: Served) -> list[str]:
    """What a served process wrote to standard error until its end."""
    status, said = served.stop(signal.SIGTERM)
    assert status == 0
    return said.splitlines()


def test_a_failure_is_one_line_with_cid_error_cell_and_line(served: Served) -> None:
    answer = requests.get(f"{served.url}/fails", timeout=30)
    assert answer.status_code == 500
    cid = answer.headers["X-Zato-CID"]
    [line] = [each for each in lines_of(served) if "ERROR" in each]
    assert re.fullmatch(
        rf"{TIME} ERROR   fails: fails failed: Expecting value: line 1 column 1 \(char 0\) "
        rf"\(JSONDecodeError, shop\.ipynb, cell 3, line 7, in handle\) cid:{cid}",
        line,
    )


def test_what_a_service_prints_and_logs_is_written_and_access_only_by_choice(served: Served) -> None:
    cid = requests.get(f"{served.url}/talks", timeout=30).headers["X-Zato-CID"]
    *lines, last = lines_of(served)
    assert [each[25:] for each in lines] == [
        f"PRINT   talks: printed words cid:{cid}",
        f"INFO    talks: an answer of 42 cid:{cid}",
    ]
    assert last == "Stopping: calls in flight may end."


def test_access_lines_and_json_are_written_by_choice(fresh: CommandLine) -> None:
    path = fresh.module("shop.ipynb", notebook(HEAD, TALKS, FAILS, DEFINES))
    served = fresh.serve(path, "--access-log", "--log-format", "json")
    cid = requests.get(f"{served.url}/fails?x=1", timeout=30).headers["X-Zato-CID"]
    requests.get(f"{served.url}/nowhere", timeout=30)
    failed, access, nowhere = [json.loads(each) for each in lines_of(served)[:-1]]
    assert (failed["level"], failed["source"], failed["cid"]) == ("ERROR", "fails", cid)
    assert failed["error"] == {
        "kind": "JSONDecodeError",
        "sentence": "Expecting value: line 1 column 1 (char 0)",
        "file": "shop.ipynb, cell 3",
        "line": 7,
        "function": "handle",
    }
    assert (access["source"], access["level"], access["cid"], access["status"]) == ("access", "ERROR", cid, 500)
    assert (access["request"], access["service"], access["address"]) == ("GET /fails", "fails", "127.0.0.1")
    assert (nowhere["level"], nowhere["status"]) == ("WARNING", 404)


def test_jobs_that_fail_warnings_and_loggers_of_other_modules_are_written(fresh: CommandLine) -> None:
    cells = [
        HEAD,
        FAILS,
        "import logging, warnings\nwarnings.warn('old words')\nlogging.getLogger('shop').warning('low stock')",
        "wb.define(IntervalJob('often', service='fails', hours=1, timezone='UTC'))\nrun = wb.jobs['often'].execute()",
    ]
    served = fresh.serve(fresh.module("shop.ipynb", notebook(*cells)))
    lines = lines_of(served)
    assert "UserWarning: old words" in next(each for each in lines if "WARNING py.warnings: " in each)
    assert any(each.endswith("WARNING shop: low stock") for each in lines)
    [job] = [each for each in lines if " ERROR   jobs: " in each]
    assert "job 'often' failed: JSONDecodeError: Expecting value" in job
    [failure] = [each for each in lines if " ERROR   fails: " in each]
    assert job.rpartition(" cid:")[2] == failure.rpartition(" cid:")[2] != ""


class Asked(Service):
    name = "asked"

    def handle(self) -> None:
        self.logger.info("it was %s", self.request.text)


class Boom(Service):
    name = "boom"

    def handle(self) -> None:
        raise ValueError("no good")


@pytest.mark.parametrize("format", ["text", "json"])
def test_values_of_secrets_and_forged_lines_do_not_reach_the_log(wb: Workbench, format: Any) -> None:
    learn("canary-4711")
    wb.deploy(Asked)
    stream = io.StringIO()
    log = ServedLog(wb, format, True, stream)
    try:
        wb.invoke("asked", "canary-4711\n2026-01-01T00:00:00.000Z ERROR   other: forged")
        logging.getLogger("workbench.http").error("a request with canary-4711 failed")
    finally:
        log.close()
    lines = stream.getvalue().splitlines()
    assert "canary-4711" not in stream.getvalue()
    assert stream.getvalue().count("***") == 2
    if format == "text":
        assert lines[1] == "  2026-01-01T00:00:00.000Z ERROR   other: forged" + lines[1].partition("forged")[2]
    else:
        assert [json.loads(each)["level"] for each in lines] == ["INFO", "ERROR"]


def test_after_its_end_nothing_is_written_any_more(wb: Workbench) -> None:
    wb.deploy(Boom)
    stream, before = io.StringIO(), logging.lastResort
    ServedLog(wb, "text", True, stream).close()
    with pytest.raises(ValueError, match="no good"):
        wb.invoke("boom")
    logging.getLogger("workbench.http").error("late")
    assert stream.getvalue() == ""
    assert logging.lastResort is before


Said = Any


@pytest.fixture
def said(wb: Workbench, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command answers about a workbench whose two calls have ended: exit status, output, errors."""
    wb.deploy(Asked, Boom)
    wb.define(RESTChannel("boom"), RESTChannel("asked"))
    wb.call("GET /boom")
    wb.call("POST /asked", data="words")
    capsys.readouterr()

    def ran(*arguments: str) -> tuple[int, str, str]:
        status = main(list(arguments))
        return status, *capsys.readouterr()

    return ran


def test_a_call_is_found_by_its_cid_in_the_process_and_from_outside(said: Said, wb: Workbench) -> None:
    trace = wb.traffic[0]
    assert wb.traffic[trace.cid] is trace
    [line] = wb.log[trace.cid]
    assert line.text.startswith("boom failed: no good\nTraceback (most recent call last):")
    status, out, err = said("traffic", trace.cid)
    assert (status, err) == (0, "")
    head, *tree = out.splitlines()
    assert re.match(rf"{TIME}  CID {trace.cid}  \d+\.\d ms$", head)
    number = Boom.handle.__code__.co_firstlineno + 1
    assert tree[:3] == [
        "GET /boom 500",
        "  boom failed: ValueError",
        f"    ValueError: no good ({__file__}, line {number}, in handle)",
    ]
    assert '    raise ValueError("no good")' in tree
    assert "invoker.py" not in out, "no frame of the workbench"
    told = json.loads(said("traffic", trace.cid, "--json")[1])
    assert told["tree"][1]["error"] == {
        "kind": "ValueError",
        "sentence": "no good",
        "file": __file__,
        "line": number,
        "function": "handle",
    }


def test_an_unknown_cid_says_what_is_kept(said: Said, wb: Workbench) -> None:
    status, out, err = said("traffic", "nosuch")
    assert (status, out) == (1, "")
    assert err.startswith("workbench: No recorded call is named 'nosuch'; calls that are kept: 2. Fix: ")
    with pytest.raises(KeyError, match="No recorded call is named 'nosuch'"):
        wb.traffic["nosuch"]
    assert wb.log["nosuch"] == []


def test_the_last_calls_are_listed_and_to_look_leaves_no_call_behind(said: Said, wb: Workbench) -> None:
    for _ in range(2):
        lines = said("traffic")[1].splitlines()
        assert [each.partition("  ")[2].rpartition("  ")[0] for each in lines] == [
            f"{wb.traffic[0].cid}  GET /boom 500",
            f"{wb.traffic[1].cid}  POST /asked 200",
        ]
    assert len(said("traffic", "--last", "1")[1].splitlines()) == 1
    assert len(wb.traffic) == 2
    said("invoke", "asked")
    assert "POST /workbench/invoke 200  asked  " in said("traffic", "--last", "1")[1]


def test_the_log_is_shown_whole_or_of_one_call(said: Said, wb: Workbench) -> None:
    assert [each[25:] for each in said("log")[1].splitlines() if each.startswith("2")] == [
        "ERROR   boom: boom failed: no good",
        f"INFO    asked: it was words cid:{wb.traffic[1].cid}",
    ]
    assert "it was words" not in said("log", wb.traffic[0].cid)[1]
    [line] = [json.loads(each) for each in said("log", "--json", "--last", "1")[1].splitlines()]
    assert (line["service"], line["text"]) == ("asked", "it was words")


def test_a_log_that_is_followed_shows_what_comes_and_ends_with_the_workbench(fresh: CommandLine) -> None:
    served = fresh.serve(
        fresh.module("shop.ipynb", notebook(HEAD, TALKS, DEFINES.replace(", RESTChannel('fails')", "")))
    )
    requests.get(f"{served.url}/talks", timeout=30)
    with fresh.running("log", "-f") as following:
        assert following.stdout is not None
        first = [following.stdout.readline() for _ in range(2)]
        cid = requests.get(f"{served.url}/talks", timeout=30).headers["X-Zato-CID"]
        second = [following.stdout.readline() for _ in range(2)]
        assert [each[25:].partition(" cid:")[0] for each in first] == [
            "PRINT   talks: printed words",
            "INFO    talks: an answer of 42",
        ]
        assert [each.rpartition(" cid:")[2].strip() for each in second] == [cid, cid]
        served.stop(signal.SIGTERM)
        assert following.wait(30) == 1


def test_of_several_workbenches_the_one_that_has_the_call_is_asked(fresh: CommandLine, tmp_path: Path) -> None:
    one, two = (
        fresh.serve(fresh.module(f"{name}.ipynb", notebook(HEAD, TALKS, "wb.define(RESTChannel('talks'))")))
        for name in ("one", "two")
    )
    cids = [requests.get(f"{each.url}/talks", timeout=30).headers["X-Zato-CID"] for each in (one, two)]
    for cid in cids:
        assert f"CID {cid}" in fresh.said("traffic", cid)
        assert "printed words" in fresh.said("log", cid)
    assert "Several workbenches run here: one.ipynb, two.ipynb." in fresh.refused("traffic")
    assert "No recorded call is named 'nosuch'" in fresh.refused("traffic", "nosuch")


def test_a_job_without_a_run_is_written_too(wb: Workbench) -> None:
    wb.deploy(Boom)
    stream = io.StringIO()
    log = ServedLog(wb, "text", False, stream)
    try:
        wb.define(IntervalJob("often", service="boom", hours=1))
        wb.jobs["often"].execute()
        line = until(lambda: [each for each in stream.getvalue().splitlines() if "jobs: " in each], "the run is told")
    finally:
        log.close()
    assert "ERROR   jobs: job 'often' failed: ValueError: no good" in line[0]
