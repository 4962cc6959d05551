"""Several processes at one address are one workbench to whoever calls, looks and types commands."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.app.crew.conftest import Crew
from tests.serving import Wire, until

pytestmark = pytest.mark.timeout(180)


def test_both_answer_at_one_address_and_it_is_ready(crew: Crew) -> None:
    pids = set(crew.ready.values())
    assert len(pids) == 2
    until(lambda: pids == {crew.get("/pid").json() for _ in range(8)}, "both have answered")
    assert crew.get("/ready").json() == {"ready": True}
    assert crew.served.told["workers"] == [crew.ready[1], crew.ready[2]]
    assert crew.served.told["services"] == ["kept", "pid", "slow", "tick"]


def test_startup_callables_are_told_in_which_of_them_they_are(crew: Crew) -> None:
    first, other = (crew.ready[number] for number in (1, 2))
    told = (crew.path.parent / "phases").read_text().splitlines()
    for pid, phase in ((first, "in-process-first"), (other, "in-process-other")):
        mine = [each.partition(" ")[2] for each in told if each.startswith(f"{pid} ")]
        assert mine == ["fs-config-only", phase, "after-started"]


def test_an_exact_limit_is_exact_over_both(crew: Crew) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = [each.status_code for each in pool.map(lambda _: crew.get("/few"), range(24))]
    assert (found.count(200), found.count(429)) == (7, 17)


def test_each_planned_time_of_a_job_runs_once(crew: Crew) -> None:
    found = until(lambda: rows if len(rows := crew.ticks) >= 4 else None, "it has run four times")
    planned = [each["planned"] for each in found]
    assert len(set(planned)) == len(planned)
    assert {each["outcome"] for each in found} <= {"ok", "running"}


def test_commands_reach_the_whole(crew: Crew) -> None:
    pids = set(crew.ready.values())
    until(lambda: {crew.get("/pid").json() for _ in range(4)} == pids, "both have answered")
    calls = json.loads(crew.command("traffic", "--last", "200", "--json"))
    asked = [each for each in calls if each["name"] == "GET /pid"]
    assert {each["worker"] for each in asked} == {1, 2}
    assert [each["at"] for each in calls] == sorted(each["at"] for each in calls)
    for each in (next(call for call in asked if call["worker"] == number) for number in (1, 2)):
        assert "pid" in crew.command("traffic", each["cid"])
        assert "asked" in crew.command("log", each["cid"])
    lines = [json.loads(each) for each in crew.command("log", "--last", "500", "--json").splitlines()]
    assert {each["worker"] for each in lines} == {1, 2}
    assert int(crew.command("invoke", "pid")) in pids
    said = crew.command("status")
    assert "worker processes 1 (pid " in said
    assert said.count("services.py") == 1


def test_one_of_them_alone_is_asked_by_its_pid(crew: Crew) -> None:
    for pid in crew.ready.values():
        assert int(crew.command("invoke", "pid", "--app", str(pid))) == pid


def test_what_a_command_puts_into_a_cache_is_there_whoever_answers(crew: Crew) -> None:
    assert "in 2 worker processes" in crew.command("cache", "set", "key", '"value"')
    pids = set(crew.ready.values())
    until(lambda: pids == {crew.get("/pid").json() for _ in range(8)}, "both answer")
    assert {crew.get("/kept").text for _ in range(10)} == {"value"}
    assert "in 2 worker processes" in crew.command("cache", "delete", "key")
    assert "key" in crew.line.refused("cache", "get", "key")


def test_a_log_that_is_followed_goes_on_with_the_lines_of_both(crew: Crew) -> None:
    with crew.line.running("log", "-f", "--json", "--last", "1") as following:
        assert following.stdout is not None
        following.stdout.readline()
        heard = set[int]()
        while heard != {1, 2}:
            crew.get("/pid")
            heard.add(json.loads(following.stdout.readline())["worker"])


def test_the_panel_at_the_address_of_all_is_one_page_whoever_takes_its_requests(crew: Crew) -> None:
    panel = json.loads(crew.command("panel", "--json"))
    code = panel["url"].partition("#")[2]
    assert "page.js" in requests.get(f"{crew.url}/workbench/", timeout=30).text
    token = requests.post(f"{crew.url}/workbench/login", json={"code": code}, timeout=30).json()["token"]
    headers, last, facts = {"X-Workbench-Token": token}, 0, None
    for _ in range(6):
        asked = {"viewer": "a page", "after": last, "wait_seconds": 0.1}
        told = requests.post(f"{crew.url}/workbench/look", json=asked, headers=headers, timeout=60).json()
        assert not told["over"]
        last, found = told["last"], [each["facts"] for each in told["told"] if "facts" in each]
        facts = found[-1] if found else facts
    assert facts is not None
    assert facts["url"] == crew.url
    shown, whole = facts["process"]
    assert shown.startswith("Worker process 1 of 2 is shown (pid ")
    assert "All of them have answered" in whole


def test_own_addresses_at_the_address_of_all_tell_the_whole_to_who_has_the_token(crew: Crew) -> None:
    with Wire(int(crew.url.rpartition(":")[2])) as wire:
        told = json.loads(wire.request("GET /workbench/status", f"X-Workbench-Token: {crew.token}").answer().body)
        assert wire.request("GET /workbench/status", "X-Workbench-Token: another").answer().status == 404
    assert told["url"] == crew.url
    assert {each["pid"] for each in told["workers"]} == set(crew.ready.values())


def test_what_a_command_makes_is_made_in_each(crew: Crew) -> None:
    made = json.loads(crew.command("invoke", "zato.cache.builtin.create", "--payload", '{"name": "my.cache"}'))
    assert made["name"] == "my.cache"
    for pid in crew.ready.values():
        assert "my.cache" in crew.command("cache", "list", "--app", str(pid))
    crew.command("invoke", "zato.cache.builtin.delete", "--payload", '{"name": "my.cache"}')
    for pid in crew.ready.values():
        assert "my.cache" not in crew.command("cache", "list", "--app", str(pid))


def test_a_file_of_definitions_is_applied_in_both_and_replaces_neither(crew: Crew) -> None:
    before = crew.ready
    crew.command("cache", "set", "kept", '"as it was"')
    file = crew.line.folder / "definitions.yaml"
    file.write_text("RESTChannel:\n  - {name: applied, service: pid}\n")
    assert crew.command("apply", str(file)) == "+ RESTChannel 'applied'\n"
    until(lambda: {crew.get("/applied").json() for _ in range(4)} == set(before.values()), "both have answered")
    for pid in before.values():
        assert crew.command("diff", str(file), "--app", str(pid)) == "1 unchanged.\n"
    _until_all_have_compared(crew)
    file.write_text("")
    assert crew.command("apply", str(file), "--prune") == "- RESTChannel 'applied'\n"
    assert {crew.get("/applied").status_code for _ in range(8)} == {404}
    _until_all_have_compared(crew)
    assert [(each["number"], each["pid"], each["state"]) for each in crew.status["workers"]] == [
        (number, pid, "ready") for number, pid in before.items()
    ]
    for pid in before.values():
        assert "as it was" in crew.command("cache", "get", "kept", "--app", str(pid))
    crew.command("cache", "delete", "kept")


def _until_all_have_compared(crew: Crew) -> None:
    """Wait for two planned times of a job that come a second apart, as does the look for what has changed by click."""
    last = max(each["planned"] for each in crew.ticks)
    until(lambda: sum(each["planned"] > last for each in crew.ticks) >= 2, "it has run twice more")
