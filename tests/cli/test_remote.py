"""`workbench invoke` and `status` speak to the workbenches that run on this machine."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, Served
from tests.kernels import Kernel

MODULE = """
from workbench import BadRequest, Service

class Echo(Service):
    name = "echo"

    def handle(self):
        return {"payload": self.request.payload, "raw": str(self.request.raw_request)}

class Text(Service):
    name = "text"

    def handle(self):
        return f"You said {self.request.raw_request}\\n"

class Fails(Service):
    name = "fails"

    def handle(self):
        return {}["secret detail"]

class Refuses(Service):
    name = "refuses"

    def handle(self):
        raise BadRequest("Not like this")

class Nothing(Service):
    name = "nothing"

    def handle(self):
        pass
"""


@pytest.fixture(scope="module")
def served(cli: CommandLine) -> Served:
    return cli.serve(cli.module("echoes.py", MODULE))


def test_invoke_says_the_answer(cli: CommandLine, served: Served) -> None:
    done = cli.run("invoke", "text", "--payload", "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, "You said hello\n", "")


def test_a_payload_that_looks_like_json_and_is_none_is_sent_as_text_and_that_is_said(
    cli: CommandLine, served: Served
) -> None:
    done = cli.run("invoke", "text", "--payload", "{'amount': 3}")
    assert (done.returncode, done.stdout) == (0, "You said {'amount': 3}\n")
    assert done.stderr == (
        "The payload is sent as text, since it is no JSON: "
        "expecting property name enclosed in double quotes, line 1, column 2.\n"
    )


def test_a_payload_is_json_if_it_can_be(cli: CommandLine, served: Served) -> None:
    said = cli.said("invoke", "echo", "--payload", '{"a": [1, "ü"]}')
    assert json.loads(said)["payload"] == {"a": [1, "ü"]}


def test_a_payload_comes_from_standard_input(cli: CommandLine, served: Served) -> None:
    assert cli.run("invoke", "text", "--payload", "-", stdin="from a pipe").stdout == "You said from a pipe\n"
    assert "Standard input is not UTF-8 text (byte 0)" in cli.refused(
        "invoke", "text", "--payload", "-", stdin=b"\xff\xfe"
    )


def test_json_holds_the_answer_and_its_cid(cli: CommandLine, served: Served) -> None:
    told = json.loads(cli.said("invoke", "text", "--payload", "x", "--json"))
    assert told["answer"] == "You said x\n"
    assert len(told["cid"]) == 24


def test_a_service_without_an_answer_says_nothing(cli: CommandLine, served: Served) -> None:
    done = cli.run("invoke", "nothing")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() in ("", "''")


def test_a_wrong_name_says_which_there_are(cli: CommandLine, served: Served) -> None:
    words = cli.refused("invoke", "ecko")
    assert "No service is named 'ecko'; there are: echo, fails, nothing, refuses, text." in words
    assert "Did you mean 'echo'?" in words
    assert "ecko" not in cli.said("log")


def test_a_service_that_refuses_is_quoted(cli: CommandLine, served: Served) -> None:
    assert cli.refused("invoke", "refuses") == "workbench: Not like this"
    done = cli.run("invoke", "refuses", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"error": "Not like this"})


def test_a_service_that_fails_says_which_error(cli: CommandLine, served: Served) -> None:
    assert "KeyError" in cli.refused("invoke", "fails")


def test_status_lists_what_runs(cli: CommandLine, served: Served) -> None:
    (told,) = json.loads(cli.said("status", "--json"))
    assert told["url"] == served.url
    assert told["services"] == ["echo", "fails", "nothing", "refuses", "text"]
    assert told["pid"] == served.process.pid
    line = cli.said("status").strip()
    assert line == f"echoes.py (pid {served.process.pid}) {served.url}: echo, fails, nothing, refuses, text"


def test_the_runtime_file_is_the_users_alone(cli: CommandLine, served: Served) -> None:
    (path,) = (cli.folder / "runtime").glob("workbench-*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_that_runs_is_said_with_the_fix(fresh: CommandLine) -> None:
    assert fresh.refused("status") == (
        "workbench: No workbench runs on this machine. Fix: run a notebook's first cells, or: workbench serve FILE"
    )
    assert "No workbench runs on this machine" in fresh.refused("invoke", "x")
    assert fresh.said("status", "--json") == "[]\n"


def test_several_workbenches_are_told_apart_by_app(fresh: CommandLine) -> None:
    for name in ("one.py", "two.py"):
        fresh.serve(fresh.module(name, MODULE.replace("You said", name)))
    words = fresh.refused("invoke", "text")
    assert words == "workbench: Several workbenches run here: one.py, two.py. Fix: say which with --app NAME"
    assert fresh.said("invoke", "text", "--app", "two.py", "--payload", "hi") == "two.py hi\n"
    assert "No running workbench is named 'tow.py'" in fresh.refused("invoke", "text", "--app", "tow.py")
    assert len(json.loads(fresh.said("status", "--json"))) == 2


def test_one_that_died_is_forgotten_and_one_that_does_not_answer_says_so(fresh: CommandLine) -> None:
    served = fresh.serve(fresh.module("echoes.py", MODULE))
    served.process.kill()
    served.process.wait(30)
    assert "No workbench runs" in fresh.refused("status")
    silent = {"pid": os.getpid(), "url": "http://localhost:9", "token": "t", "app": "silent.ipynb"}
    path = fresh.folder / "runtime" / f"workbench-{os.getpid()}-9.json"
    path.write_text(json.dumps(silent))
    (told,) = json.loads(fresh.said("status", "--json"))
    assert "does not answer" in told["error"]
    assert "silent.ipynb" in fresh.said("status")
    assert "'silent.ipynb' at http://localhost:9 does not answer" in fresh.refused("invoke", "text")


def test_a_notebooks_workbench_is_invoked_too(fresh: CommandLine, tmp_path: Path) -> None:
    env = {each: fresh.env[each] for each in ("WORKBENCH_STORE", "WORKBENCH_PORT", "JUPYTER_RUNTIME_DIR")}
    with Kernel("workbench", env=env | {"JPY_SESSION_NAME": str(tmp_path / "mine.ipynb")}, cwd=tmp_path) as kernel:
        kernel.run(
            "from workbench import wb, Service\nclass A(Service):\n    name = 'a'\n    def handle(self):\n"
            "        print('heard')\n        return 'from a kernel'"
        )
        assert fresh.said("invoke", "a", "--app", "mine.ipynb") == "from a kernel\n"
        assert kernel.run("wb.traffic[-1]").stdout == ""
