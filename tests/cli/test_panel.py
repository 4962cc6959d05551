"""`workbench panel`: the address of a panel, with a code that logs in once."""

from __future__ import annotations

import json
import re
import signal

import requests

from tests.cli.conftest import CommandLine

MODULE = """
from workbench import Service
class A(Service):
    name = "a"
    def handle(self):
        return 1
"""


def test_a_served_panel_is_opened_by_a_code_that_the_command_gives(fresh: CommandLine) -> None:
    served = fresh.serve(fresh.module("some.py", MODULE))
    assert served.told["panel"] == f"{served.url}/workbench/"
    assert "page.js" in requests.get(served.told["panel"], timeout=30).text
    said = fresh.run("panel").stdout
    assert re.match(r"http://127\.0\.0\.1:\d+/workbench/#[\w-]{24}\n", said)
    told = json.loads(fresh.run("panel", "some.py", "--json").stdout)
    page, _, code = told["url"].partition("#")
    login = requests.post(f"{page}login", json={"code": code}, timeout=30)
    # One code for all its addresses, and once.
    assert requests.post(f"{served.told['panel']}login", json={"code": code}, timeout=30).status_code == 400
    headers = {"X-Workbench-Token": login.json()["token"]}
    looked = requests.post(f"{page}look", json={"viewer": "me"}, headers=headers, timeout=30).json()
    assert [row["service"] for row in looked["told"][0]["facts"]["services"]] == ["a"]
    status, said = served.stop(signal.SIGTERM)
    assert (status, said) == (0, "Stopping: calls in flight may end.\n")


def test_a_panel_of_nothing_that_runs_is_refused_in_words(fresh: CommandLine) -> None:
    assert "No workbench runs on this machine. Fix: " in fresh.refused("panel")
