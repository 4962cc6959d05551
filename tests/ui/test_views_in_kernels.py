"""Views that a front end opens without a cell, in real kernels: what they are sent, and while a cell runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.conftest import CommandLine
from tests.kernels import IPYKERNELS, Kernel
from tests.ui.test_card_in_kernels import GATE, HEARD_MEANWHILE, HELLO, ON, Front
from workbench.core.origin import digest_of
from workbench.ui.front import VIEWS

FAR = """
from workbench import Service
class A(Service):
    name = "a.far"
    def handle(self):
        return f"far was given {self.request.raw_request}"
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[CommandLine]:
    """Other processes, with a runtime folder of their own."""
    made = CommandLine(tmp_path)
    yield made
    made.close()


class Opener(Front):
    """JupyterLab's extension: opens views, all by the one subshell that JupyterLab makes for their target."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel, "")

    def open(self, **asked: Any) -> None:
        """Open a view; what is sent and heard from now on is its."""
        self.model = uuid4().hex
        self._post("comm_open", {"target_name": VIEWS, "data": asked})

    def send(self, **content: Any) -> int:
        number = next(self._numbers)
        self._post("comm_msg", {"data": {"id": number, **content}})
        return number

    def close(self) -> None:
        """Close the view."""
        self._post("comm_close", {"data": {}})

    def _post(self, kind: str, content: dict[str, Any]) -> None:
        client = self.kernel.client
        assert client is not None
        message = client.session.msg(kind, {"comm_id": self.model, **content})
        if self._subshell:
            message["header"]["subshell_id"] = self._subshell
        client.shell_channel.send(message)

    def heard(self, timeout: float = 10) -> Iterator[dict[str, Any]]:
        for message in self.kernel.messages(timeout):
            if message["content"].get("comm_id") != self.model:
                continue
            if message["msg_type"] == "comm_close":
                yield {"closed": True}
            elif message["msg_type"] == "comm_msg":
                yield message["content"]["data"]

    def facts(self) -> dict[str, Any]:
        """The next facts that come."""
        return next(each["facts"] for each in self.heard() if each.get("facts"))


@pytest.fixture(scope="module", params=IPYKERNELS)
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    env = {"WORKBENCH_STORE": "memory://", "WORKBENCH_PORT": "0"}
    with Kernel("workbench", version=request.param, env=env) as started:
        started.run(ON)
        yield started


@pytest.fixture(scope="module")
def opener(kernel: Kernel) -> Opener:
    return Opener(kernel)


def test_marks_come_at_once_and_follow_what_cells_do(kernel: Kernel, opener: Opener) -> None:
    kernel.run_as("mark-1", HELLO)
    opener.open(show="marks")
    facts = opener.facts()
    assert facts["cells"]["mark-1"][0]["said"] == "api.hello v1 is live."
    assert facts["cells"]["mark-1"][0]["written"] == digest_of(HELLO)
    opener.acknowledged(opener.send(ask="hello"))
    changed = HELLO.replace("there", "you")
    # Not waited for: what the view is sent meanwhile would be passed over.
    kernel.send_as("mark-1", changed)
    wanted = (digest_of(changed), "api.hello v2 is live.")
    marks = (each["facts"]["cells"]["mark-1"][0] for each in opener.heard() if each.get("facts"))
    assert next(each for each in marks if (each["written"], each["said"]) == wanted)
    opener.close()


def test_the_panel_comes_with_what_draws_it_and_answers(opener: Opener) -> None:
    opener.open(show="everything", code=True)
    first = next(opener.heard())
    assert first["facts"]["tabs"][0]["name"] == "services"
    assert "export default { open }" in first["module"]
    assert ".wb-card" in first["style"]
    said = opener.answer(opener.send(ask="panel", tab="services"))
    assert said["tab"] == "services"
    assert "failed" in opener.answer(opener.send(ask="no such verb"))
    opener.close()


def test_another_workbench_of_this_machine_is_shown_inside(kernel: Kernel, opener: Opener, fresh: CommandLine) -> None:
    served = fresh.serve(fresh.module("far.py", FAR))
    kernel.run(f"import os; os.environ['JUPYTER_RUNTIME_DIR'] = {fresh.env['JUPYTER_RUNTIME_DIR']!r}")
    opener.open(show="attached", app="far.py", code=True)
    first = next(opener.heard())
    assert (first["facts"]["of"], [row["service"] for row in first["facts"]["services"]]) == ("far.py", ["a.far"])
    assert "export default { open }" in first["module"]
    opener.acknowledged(opener.send(ask="hello"))
    said = opener.answer(opener.send(ask="invoke", service="a.far", payload="this", format="text"))
    assert (said["outcome"], said["text"]) == ("ok", "far was given this")
    opener.close()
    served.process.kill()
    served.process.wait(30)
    opener.open(show="attached", app="far.py")
    why, end = next(opener.heard()), next(opener.heard())
    assert "No workbench runs on this machine" in why["problem"]
    assert end == {"closed": True}
    kernel.run("del os.environ['JUPYTER_RUNTIME_DIR']")


def test_what_is_made_in_a_view_below_a_cell_knows_that_cell(kernel: Kernel, opener: Opener) -> None:
    kernel.run_as("below", HELLO)
    opener.open(show="services", names=["api.hello"], cell="below")
    opened = opener.answer(opener.send(ask="schedule", service="api.hello"))
    values = {**opened["values"], "name": "below"}
    said = opener.answer(opener.send(ask="schedule save", service="api.hello", how="every", values=values))
    assert said["said"] == "Job 'below' is on."
    assert kernel.run("wb.origin_of(wb.jobs['below'].definition).cell_id").result == "'below'"
    opener.close()


def test_a_view_that_is_opened_and_asked_while_a_cell_runs_acts_meanwhile(kernel: Kernel, opener: Opener) -> None:
    kernel.run(GATE)
    assert kernel.version is not None
    meanwhile = HEARD_MEANWHILE[kernel.version]
    cell = kernel.send(f"print(gate.wait({10 if meanwhile else 0.5}))")
    opener.open(show="services", names=["api.opens"])
    opener.send(ask="invoke", service="api.opens", payload="")
    assert kernel.wait(cell, 20).stdout == f"{meanwhile}\n"


EARLY = """
@wb.on_startup
def early(ctx):
    if ctx.phase == "fs-config-only":
        ctx.kwargs["server_config"].workbench.threads = {threads}
"""


def test_a_click_restarts_the_workbench_between_two_cells(kernel: Kernel, opener: Opener) -> None:
    kernel.run(EARLY.format(threads=9) + "held = wb")
    opener.open(show="everything")
    assert "calls in flight are cut" in opener.answer(opener.send(ask="panel", tab="settings"))["restart"]
    said = opener.answer(opener.send(ask="restart"))
    assert said["said"].startswith("The workbench has started anew: configuration is read again. Back: ")
    assert kernel.run("print(wb.settings.threads, held is wb, 'api.hello' in wb.services)").stdout == "9 True True\n"
    opener.close()


def test_a_restart_that_cannot_be_says_why_and_leaves_all_as_it_was(kernel: Kernel, opener: Opener) -> None:
    kernel.run("@wb.on_startup\ndef early(ctx):\n    raise SystemError('no word of it')")
    opener.open(show="everything")
    said = opener.answer(opener.send(ask="restart"))
    assert "early failed in fs-config-only: SystemError: no word of it" in said["said"]
    kernel.run("@wb.on_startup\ndef early(ctx):\n    pass")
    opener.close()


def test_views_are_closed_with_the_extension_and_opened_again_with_it(kernel: Kernel, opener: Opener) -> None:
    opener.open(show="marks")
    opener.facts()
    cell = kernel.send("%unload_ext workbench")
    assert next(each for each in opener.heard() if each.get("closed"))
    kernel.wait(cell, 20)
    opener.open(show="marks")
    assert next(opener.heard()) == {"closed": True}, "nobody answers in a kernel without the extension"
    kernel.run("%load_ext workbench")
    opener.open(show="marks")
    assert opener.facts()["line"]["text"].startswith("workbench")
