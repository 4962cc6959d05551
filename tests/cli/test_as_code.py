"""`workbench validate`, `diff`, `apply`, `define` and `export`: definitions as files, from a shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import WAIT_SECONDS, CommandLine
from tests.serving import wb as wb
from workbench import IntervalJob, RESTChannel, Service, Workbench
from workbench.cli.main import main

Said = Callable[..., tuple[int, str, str]]
FILE = """\
RESTChannel:
  - name: api.five
    limit: 100/m
IntervalJob:
  - {name: sync, service: api.five, hours: 1}
"""

MODULE = """
from workbench import Service

class Five(Service):
    name = "api.five"

    def handle(self):
        return 5
"""


class Five(Service):
    name = "api.five"

    def handle(self) -> int:
        return 5


@pytest.fixture
def said(wb: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command says beside a running workbench, in its folder: exit status, output, errors."""
    wb.deploy(Five)
    wb.start()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "defs.yaml").write_text(FILE)
    capsys.readouterr()

    def ran(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        return status, *capsys.readouterr()

    return ran


def test_a_file_is_compared_applied_and_then_the_same(said: Said, wb: Workbench) -> None:
    new = "+ RESTChannel 'api.five'\n+ IntervalJob 'sync'\n"
    assert said("diff", "defs.yaml") == (2, new, "")
    assert said("apply", "defs.yaml") == (0, new, "")
    assert said("diff", "defs.yaml") == (0, "2 unchanged.\n", "")
    assert said("apply", "defs.yaml") == (0, "2 unchanged.\n", "")
    assert wb.call("GET /api/five").json() == 5


def test_a_wrong_file_is_no_difference_and_says_each_mistake(said: Said, tmp_path: Path) -> None:
    (tmp_path / "defs.yaml").write_text("RESTChannel:\n  - {name: a, limt: 5}\n  - {name: b, service: api.six}\n")
    for action in ("diff", "apply", "validate"):
        status, out, error = said(action, "defs.yaml")
        assert (status, out) == (1, "")
        assert error == "workbench: defs.yaml:2: limt of RESTChannel 'a' is not a field. Fix: write limit.\n"
    (tmp_path / "defs.yaml").write_text("RESTChannel:\n  - {name: b, service: api.six}\n")
    assert "defs.yaml:2: REST 'b' names the service 'api.six', which does not exist" in said("diff", "defs.yaml")[2]
    assert said("apply", "defs.yaml", "--json")[1].startswith('{"error": "defs.yaml:2: ')
    assert said("diff", "no.yaml")[2] == (
        "workbench: no.yaml: the file cannot be read: no such file or directory. Fix: correct the path.\n"
    )


def test_a_file_is_validated_without_a_workbench_and_with_one_for_the_names_too(said: Said, tmp_path: Path) -> None:
    assert said("validate", "defs.yaml") == (0, "defs.yaml is valid: 2 definitions.\n", "")
    told = json.loads(said("validate", "defs.yaml", "--json")[1])
    assert told == {"definitions": ["RESTChannel 'api.five'", "IntervalJob 'sync'"], "said": []}
    assert said("validate", "defs.yaml", "--app", "notebook") == (0, "defs.yaml is valid: 2 definitions.\n", "")
    (tmp_path / "defs.yaml").write_text(FILE.replace("service: api.five", "service: api.six"))
    assert said("validate", "defs.yaml")[0] == 0
    assert "names the service 'api.six'" in said("validate", "defs.yaml", "--app", "notebook")[2]


def test_what_code_has_otherwise_is_said_and_the_status_is_not_0(said: Said, wb: Workbench) -> None:
    wb.define(RESTChannel("api.five", limit="5/m"))
    status, out, _ = said("apply", "defs.yaml")
    first, second = out.splitlines()
    assert (status, second) == (1, "+ IntervalJob 'sync'")
    assert first.startswith("! RESTChannel 'api.five' stays as ")
    assert 'has it: limit "5/m" -> "100/m". Fix: change it there, or take it out of the file.' in first
    assert said("diff", "defs.yaml")[0] == 2


def test_prune_removes_what_the_file_had_and_without_it_that_is_said(said: Said, wb: Workbench, tmp_path: Path) -> None:
    said("apply", "defs.yaml")
    (tmp_path / "defs.yaml").write_text("RESTChannel:\n  - {name: api.five, limit: 100/m}\n")
    gone = (
        "- IntervalJob 'sync' is no longer in the file. Fix: apply it with --prune, which removes this.\n1 unchanged.\n"
    )
    assert said("diff", "defs.yaml") == (2, gone, "")
    assert said("apply", "defs.yaml") == (0, gone, "")
    assert said("apply", "defs.yaml", "--prune") == (0, "- IntervalJob 'sync'\n1 unchanged.\n", "")
    assert said("diff", "defs.yaml") == (0, "1 unchanged.\n", "")
    assert list(wb.jobs) == []


def test_changes_are_told_as_json(said: Said) -> None:
    status, out, _ = said("diff", "defs.yaml", "--json")
    channel, job = json.loads(out)
    assert (status, channel["word"], channel["definition"], channel["line"]) == (2, "new", "RESTChannel 'api.five'", 2)
    assert (job["fields"], job["said"]) == ([], "+ IntervalJob 'sync'")


def test_one_definition_is_made_by_its_fields(said: Said, wb: Workbench) -> None:
    assert said("define", "IntervalJob", "sync", "service=api.five", "hours=2") == (0, "+ IntervalJob 'sync'\n", "")
    assert wb.jobs["sync"].definition == IntervalJob("sync", service="api.five", hours=2)
    assert (
        said("define", "IntervalJob", "sync", "service=api.five", "hours=3")[1]
        == "~ IntervalJob 'sync': hours 2 -> 3\n"
    )
    for of_enmasse in ("pubsub_topic", "scheduler"):
        status, out, error = said("define", of_enmasse, "sync", "service=api.five")
        assert (status, out) == (1, "")
        assert f"No kind of definition is named '{of_enmasse}'" in error
    assert "hours of IntervalJob 'sync' expected `int`" in said("define", "IntervalJob", "sync", "hours=soon")[2]
    assert said("define", "IntervalJob", "sync", "hours")[2] == (
        "workbench: 'hours' is no field with a value. Fix: write it as FIELD=VALUE.\n"
    )


def test_kinds_and_their_fields_are_told(said: Said) -> None:
    assert "\nIntervalJob: Runs again and again," in said("define")[1]
    told = said("define", "IntervalJob")[1]
    assert "service: Service that the job runs. Required.\n" in told
    assert "hours: Part of the time between two runs.\n" in told
    assert "No kind of definition is named 'IntervalJb'" in said("define", "IntervalJb")[2]


def test_what_is_in_force_is_written_and_applies_again_as_the_same(said: Said, wb: Workbench, tmp_path: Path) -> None:
    assert said("export") == (0, "# Nothing is defined.\n", "")
    wb.define(RESTChannel("api.five", limit="5/m"), IntervalJob("sync", service="api.five", hours=1))
    text = said("export")[1]
    assert said("export", "out.yaml") == (0, "Wrote out.yaml.\n", "")
    assert (tmp_path / "out.yaml").read_text() == text
    assert said("diff", "out.yaml") == (0, "2 unchanged.\n", "")
    assert said("export", "out.yaml")[2] == (
        "workbench: 'out.yaml' is there already. Fix: add --replace, or choose another name.\n"
    )
    assert said("export", "out.yaml", "--replace")[0] == 0
    assert json.loads(said("export", "--json")[1]) == {"text": text.rstrip("\n") + "\n", "said": []}


def test_a_file_of_enmasse_is_applied_exported_and_then_the_same(said: Said, wb: Workbench, tmp_path: Path) -> None:
    (tmp_path / "enmasse.yaml").write_text(
        "channel_rest:\n  - {name: five, service: api.five, url_path: /five, is_active: true}\n"
        "pubsub_topic:\n  - {name: t}\n"
    )
    note = "workbench: enmasse.yaml:3: pubsub_topic is not understood here, and its definition is left out.\n"
    assert said("validate", "enmasse.yaml") == (0, "enmasse.yaml is valid: 1 definition.\n", note)
    assert said("apply", "enmasse.yaml") == (0, "+ RESTChannel 'five'\n", note)
    assert wb.call("GET /five").json() == 5
    assert said("export", "out.yaml", "--format", "enmasse")[0] == 0
    assert (tmp_path / "out.yaml").read_text().splitlines()[:3] == [
        "channel_rest:",
        "- name: five",
        "  service: api.five",
    ]
    assert said("diff", "out.yaml") == (0, "1 unchanged.\n", "")


def test_what_is_applied_to_a_served_file_is_there_again_when_it_is_served_anew(fresh: CommandLine) -> None:
    module = fresh.module("five.py", MODULE)
    (fresh.folder / "defs.yaml").write_text(FILE)
    store = {"WORKBENCH_STORE": f"sqlite:///{fresh.folder / 'store.db'}"}
    served = fresh.serve(module, **store)
    assert fresh.run("apply", "defs.yaml").stdout == "+ RESTChannel 'api.five'\n+ IntervalJob 'sync'\n"
    served.stop(signal.SIGTERM)
    again = fresh.serve(module, **store)
    assert (again.told["channels"], again.told["jobs"]) == (["api.five"], ["sync"])
    assert fresh.run("diff", "defs.yaml").stdout == "2 unchanged.\n"


def cpu_seconds_of(cli: CommandLine, *arguments: str) -> float:
    """The processor time that a command takes [s], the best of three."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
    )
    command = [sys.executable, "-c", code, *cli.command(*arguments)]
    runs = (
        subprocess.run(command, env=cli.env, cwd=cli.folder, capture_output=True, text=True, timeout=WAIT_SECONDS)
        for _ in range(3)
    )
    return min(float(each.stdout) for each in runs)


def test_a_file_is_applied_to_a_notebook_that_does_not_run_and_is_in_force_when_it_does(fresh: CommandLine) -> None:
    module = fresh.module("five.py", MODULE)
    (fresh.folder / "defs.yaml").write_text(FILE)
    store = {"WORKBENCH_STORE": f"sqlite:///{fresh.folder / 'store.db'}"}

    def ran(*arguments: str) -> tuple[int, str]:
        done = fresh.run(*arguments, "--notebook", "five.py", **store)
        assert done.stderr == ""
        return done.returncode, done.stdout

    new = "+ RESTChannel 'api.five'\n+ IntervalJob 'sync'\n"
    assert ran("diff", "defs.yaml") == (2, new)
    assert not (fresh.folder / "store.db").exists()
    assert ran("apply", "defs.yaml") == (0, new)
    assert ran("diff", "defs.yaml") == (0, "2 unchanged.\n")
    assert "- name: api.five\n  limit: 100/m\n" in ran("export")[1]
    served = fresh.serve(module, **store)
    assert (served.told["channels"], served.told["jobs"]) == (["api.five"], ["sync"])
    assert fresh.run("diff", "defs.yaml").stdout == "2 unchanged.\n"
    assert "five.py runs. Fix: ask it, with --app five.py" in fresh.refused(
        "diff", "defs.yaml", "--notebook", "five.py"
    )
    served.stop(signal.SIGTERM)
    (fresh.folder / "defs.yaml").write_text("IntervalJob:\n  - {name: sync, service: api.five, hours: 2}\n")
    assert ran("apply", "defs.yaml", "--prune") == (0, "~ IntervalJob 'sync': hours 1 -> 2\n- RESTChannel 'api.five'\n")
    assert ran("diff", "defs.yaml") == (0, "1 unchanged.\n")


def test_a_file_is_applied_to_a_served_folder_that_does_not_run(fresh: CommandLine) -> None:
    (fresh.folder / "shop").mkdir()
    fresh.module("shop/five.py", MODULE)
    fresh.module("defs.yaml", FILE)
    assert fresh.refused("apply", "defs.yaml").endswith("; or name what is served then, with --notebook.")
    assert fresh.run("apply", "defs.yaml", "--notebook", "shop", WORKBENCH_STORE="").returncode == 0
    assert (fresh.folder / "shop" / ".workbench" / "store.db").is_file()
    same = fresh.run("diff", "defs.yaml", "--notebook", "shop", WORKBENCH_STORE="")
    assert same.stdout == "2 unchanged.\n"
    (fresh.folder / "empty").mkdir()
    assert "'empty' has neither modules (.py)" in fresh.refused("apply", "defs.yaml", "--notebook", "empty")


def test_a_notebook_that_is_not_there_or_keeps_nothing_is_refused(fresh: CommandLine) -> None:
    fresh.module("five.py", MODULE)
    (fresh.folder / "defs.yaml").write_text(FILE)
    assert "There is no notebook 'six.py'" in fresh.refused("diff", "defs.yaml", "--notebook", "six.py")
    assert "is memory://, which keeps nothing" in fresh.refused("apply", "defs.yaml", "--notebook", "five.py")


if os.environ.get("WORKBENCH_SOAK"):  # a figure, which a loaded machine changes; test_main has what makes it so

    def test_who_only_asks_takes_half_a_second_of_a_processor_at_most(fresh: CommandLine) -> None:
        (fresh.folder / "defs.yaml").write_text(FILE)
        for asked in (["--help"], ["diff", "defs.yaml"], ["services"], ["version"], ["validate", "defs.yaml"]):
            assert cpu_seconds_of(fresh, *asked) < 0.5
