"""The command line itself: what it answers with, what shells complete, and what it does not import."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.conftest import WAIT_SECONDS, CommandLine
from tests.serving import wb as wb
from workbench import IntervalJob, Service, Workbench
from workbench.cli.main import main

HEAVY = ("rich", "pydantic", "IPython", "tornado", "jupyter_client", "ipywidgets", "requests")


class Five(Service):
    name = "api.five"

    def handle(self) -> int:
        return 5


@pytest.mark.parametrize(
    "asked",
    [
        *(["status", "--json"], ["--help"], ["jobs", "list", "--json"], ["traffic", "x"], ["services"], ["version"]),
        *(["connections", "ping", "--all"], ["call", "/x"], ["diff", "f.yaml"], ["validate", "f.yaml"], ["export"]),
    ],
)
def test_who_only_asks_waits_for_no_library(cli: CommandLine, asked: list[str]) -> None:
    """0.2 s, of which Python takes 0.02 s; rich alone would take 0.4 s, and pydantic 0.3 s."""
    code = (
        "import sys; from workbench.cli.main import main; main(sys.argv[1:]); "
        f"print([each for each in {HEAVY} if each in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *asked],
        env=cli.env | {"JUPYTER_RUNTIME_DIR": str(cli.folder / "nothing runs here")},
        cwd=cli.folder,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_number_that_a_service_answers_is_said_and_is_no_exit_status(
    wb: Workbench, capsys: pytest.CaptureFixture[str]
) -> None:
    wb.deploy(Five)
    wb.start()
    assert main(["invoke", "api.five"]) == 0
    assert capsys.readouterr().out == "5\n"


def completed(words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What bash is offered for the last of these words."""
    monkeypatch.setenv("_WORKBENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([])
    return capsys.readouterr().out.split()


def test_shells_complete_commands_options_and_the_names_of_what_runs(
    wb: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def offered(words: str) -> list[str]:
        return completed(words, monkeypatch, capsys)

    assert offered("workbench ser") == ["serve", "services"]
    assert "--payload" in offered("workbench invoke api.five --")
    assert offered("workbench invoke api") == []
    wb.deploy(Five)
    wb.define(IntervalJob("hourly", service="api.five", hours=1))
    wb.start()
    assert offered("workbench invoke api") == ["api.five"]
    assert offered("workbench jobs execute ho") == ["hourly"]
    assert offered("workbench status --app ") == []
    assert offered("workbench invoke api.five --app note") == ["notebook"]


def test_an_error_is_json_where_json_is_asked_for(cli: CommandLine) -> None:
    done = cli.run("invoke", "x", "--json", JUPYTER_RUNTIME_DIR=str(cli.folder / "nothing runs here"))
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"].startswith("No workbench runs on this machine.")
