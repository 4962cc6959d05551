"""`workbench test`: a notebook's cells are tests, each said to be what it is, in a kernel that touches nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels import kernel_env
from tests.testing.notebooks import Outcome, code, markdown, printed, result, workbench_test, write
from workbench.cli.testing import touched

pytestmark = pytest.mark.timeout(120)
SERVICE = """from workbench import wb, Service, RESTConnection, RESTChannel
class Told(Service):
    name = "told"
    def handle(self):
        return f"{self.cid} at {self.time.utcnow()}"
class Asks(Service):
    name = "asks"
    def handle(self):
        return self.out.rest["Rates"].conn.get(self.cid).text
wb.define(RESTConnection("Rates", host="https://rates.example.com", path="/now"));"""
JOBS = """from workbench import wb, Service, IntervalJob
class Hourly(Service):
    name = "hourly"
    def handle(self):
        return self.time.utcnow()
wb.define(IntervalJob("each hour", service="hourly", hours=1, timezone="UTC"))
"""
HOURS = """wb.expect(wb.jobs["each hour"]).fired(0)
wb.jobs["each hour"].wait(runs=3, timeout=4 * 3600)
wb.expect(wb.jobs["each hour"]).fired(3)
assert wb.invoke("hourly") == "2026-01-01 03:00:00"
wb.clock.advance(60)
assert wb.invoke("hourly") == "2026-01-01 03:01:00"
"""
OUTSIDE = "import socket\nsocket.create_connection(('rates.example.com', 443), 1)"
UDP = "import socket\nsocket.socket(type=socket.SOCK_DGRAM)."
WAYS_OUT = (
    "import socket\nsocket.gethostbyname('192.0.2.1')",
    "import socket\nsocket.gethostbyaddr('192.0.2.1')",
    UDP + "connect_ex(('192.0.2.1', 9))",
    UDP + "sendto(b'', ('192.0.2.1', 9))",
    UDP + "sendmsg([b''], [], 0, ('192.0.2.1', 9))",
)
LEAVES = """%%test
import socket, threading
threading.Thread(target=threading.Event().wait, name="forgotten", daemon=True).start()
kept = socket.create_server(("127.0.0.1", 0))
open("left.txt", "w").close()"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the notebooks of this module are."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def tested(folder: Path) -> Outcome:
    """One run over notebooks of all kinds."""
    (folder / "beside.csv").write_text("a,b\n")
    (folder / "helper.py").write_text("ANSWER = 42\n")
    write(
        folder / "good.ipynb",
        markdown("# A notebook"),
        markdown("Text.\n\n**1 · Begin here.** All of it."),
        code(SERVICE, tags=("ignore-output",)),
        markdown("## What differs in every run"),
        code(
            "print(wb.invoke('told'), wb.url)",
            printed("0123456789abcdef01234567 at 2026-11-29 03:04:05 http://localhost:11223\n"),
        ),
        code("import os; os.getcwd() + '/x.csv'", result("'/home/ada/project/x.csv'")),
        markdown("### What does not"),
        code("print('the total is', 41 + 1)", printed("the total is 41\n")),
        code("print(wb.invoke('told')[:3])", printed("abc\n")),
        code("print('now')", ran=True),
        code("print('cleared cells are not compared')"),
        markdown("## The folder"),
        code("import helper\nprint(open('beside.csv').read(), helper.ANSWER)", printed("a,b\n 42\n"), tags=("test",)),
        code("open('beside.csv', 'w').write('changed')\nopen('made.txt', 'w').write('new')"),
        markdown("## Ways out"),
        *(code(each, tags=("test",)) for each in WAYS_OUT),
        markdown("## Others"),
        code("wb.peers['Rates'].reply('/now', text='1.08')\nwb.invoke('asks')"),
        code(OUTSIDE, tags=("test",)),
        code("%%test leaves traces\n" + LEAVES.removeprefix("%%test\n")),
        code("raise RuntimeError", tags=("scratch",)),
        code("raise RuntimeError", tags=("raises-exception",)),
        code("1", tags=("raises-exception", "test")),
        code("print('x' * 10_000_000)", printed("x" * 9_999_999 + "y\n")),
        code("import package_that_is_not_there"),
        code("print('after it')"),
    )
    write(folder / "dies.ipynb", code("import os"), code("os._exit(7)"), code("1"))
    write(
        folder / "later.ipynb",
        code("import asyncio, os\nloop = asyncio.get_running_loop()"),
        code("loop.call_soon(os._exit, 7);", tags=("test",)),
        code("1"),
    )
    (folder / "broken.ipynb").write_text('{"cells": [')
    (folder / "old.ipynb").write_text(json.dumps({"nbformat": 3, "worksheets": []}))
    return workbench_test(folder, "--parallel=2")


def of(tested: Outcome, name: str, notebook: str = "good.ipynb") -> str:
    """What came of one cell."""
    return tested.cells[notebook, name]


def test_cells_are_named_by_their_headings_and_the_run_fails_by_its_exit_code(tested: Outcome) -> None:
    assert tested.status == 1
    names = [name for notebook, name in tested.cells if notebook == "good.ipynb"]
    assert names[:4] == [
        "1 · Begin here",
        "What differs in every run",
        "What differs in every run 2",
        "What does not",
    ]
    assert "leaves traces" in names


def test_what_the_workbench_knows_to_differ_may_and_nothing_else(tested: Outcome) -> None:
    assert of(tested, "What differs in every run") == "passed"
    assert of(tested, "What differs in every run 2") == "passed"
    changed = of(tested, "What does not")
    assert "print is not as saved" in changed
    assert "-the total is 41" in changed
    assert "+the total is 42" in changed
    assert of(tested, "What does not 2").startswith("failure: print is not as saved")


def test_a_cell_that_ran_and_showed_nothing_must_show_nothing_and_a_cleared_one_may(tested: Outcome) -> None:
    assert "+now" in of(tested, "What does not 3")
    assert of(tested, "What does not 4") == "passed"


def test_a_failure_shows_the_cell_and_the_trace_of_its_call(tested: Outcome) -> None:
    shown = of(tested, "What does not 2")
    assert "    print(wb.invoke('told')[:3])" in shown
    assert "The call:\n  told ok" in shown


def test_a_notebook_finds_what_lies_beside_it_and_leaves_it_as_it_was(tested: Outcome, folder: Path) -> None:
    assert of(tested, "The folder") == of(tested, "The folder 2") == "passed"
    assert (folder / "beside.csv").read_text() == "a,b\n"
    assert not (folder / "made.txt").exists()
    assert not (folder / ".workbench").exists()


def test_connections_arrive_at_their_peers_and_others_nowhere(tested: Outcome) -> None:
    assert of(tested, "Others") == "passed"
    refused = of(tested, "Others 2")
    assert "REST 'Rates' would call rates.example.com, and tests call this machine alone. Fix:" in refused


def test_no_call_of_a_socket_gets_out(tested: Outcome) -> None:
    names = ["Ways out", *(f"Ways out {number}" for number in range(2, len(WAYS_OUT) + 1))]
    assert all("A cell would call 192.0.2.1, and tests call this machine alone" in of(tested, name) for name in names)


def test_what_a_test_leaves_behind_is_named(tested: Outcome) -> None:
    left = of(tested, "leaves traces")
    assert "thread 'forgotten'" in left
    assert "file 'left.txt'" in left
    assert "port " in left


def test_tags_say_which_cells_run_and_which_raise(tested: Outcome) -> None:
    assert of(tested, "Others 3") == "passed"
    assert "tagged raises-exception, and raised nothing. Fix: take the tag away" in of(tested, "Others 4")


def test_ten_megabytes_that_differ_are_shown_in_short(tested: Outcome) -> None:
    shown = of(tested, "Others 5")
    assert "print is not as saved" in shown
    assert len(shown) < 5_000


def test_a_missing_package_is_named_and_what_follows_is_not_run(tested: Outcome) -> None:
    assert "Fix: pip install package_that_is_not_there" in of(tested, "Others 6")
    assert "skipped: not run: good.ipynb, cell" in of(tested, "Others 7")


def test_a_kernel_that_dies_is_named(tested: Outcome) -> None:
    assert of(tested, "cell 1", "dies.ipynb") == "passed"
    assert "dies.ipynb, cell 2 (cell 2): its kernel died (exit code 7)" in of(tested, "cell 2", "dies.ipynb")
    assert of(tested, "cell 3", "dies.ipynb").startswith("skipped")


def test_a_kernel_that_dies_by_what_a_cell_began_is_named_with_the_cell(tested: Outcome) -> None:
    assert "later.ipynb, cell 2 (cell 2): its kernel died (exit code 7)" in of(tested, "cell 2", "later.ipynb")
    assert of(tested, "cell 3", "later.ipynb").startswith("skipped: not run: later.ipynb, cell 2")


def test_what_is_no_notebook_is_said_with_the_way_to_mend_it(tested: Outcome) -> None:
    assert "broken.ipynb is no notebook: " in tested.said
    assert "old.ipynb is of nbformat 3, and tests read nbformat 4. Fix: jupyter nbconvert" in tested.said


@pytest.fixture(scope="module")
def selected(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One run with parameters over some cells of two notebooks."""
    folder = tmp_path_factory.mktemp("selected")
    write(
        folder / "one.ipynb",
        code("rate, town, ratio = 1.5, 'Warsaw', 0.5", tags=("parameters",)),
        code("raised = []", tags=("setup",)),
        code("raised.append(1); 1 / 0", tags=("test",)),
        markdown("## The end"),
        code("assert (rate, town, ratio, raised) == (2, 'Kraków', 'NaN', [])"),
        code("assert [1, 2, 3] == [1, rate, 4]", tags=("test",)),
        markdown("## The clock in the end"),
        code(JOBS),
        code(HOURS, tags=("test",)),
        markdown("## The other"),
        code("raise RuntimeError"),
    )
    write(folder / "hangs.ipynb", markdown("## Stands at end"), code("x = 1\nwhile x:\n    pass"), code("x"))
    values = ("--set", "rate=2", "--set", "town=Kraków", "--set", "ratio=NaN")
    return workbench_test(folder, *values, "-k", "end", "--cell-timeout=6", "--clock=virtual", "--parallel=1")


def test_a_kernel_that_hangs_is_killed_and_named_with_the_line_where_it_stood(selected: Outcome) -> None:
    hung = of(selected, "Stands at end", "hangs.ipynb")
    assert "hangs.ipynb, cell 2 (Stands at end): it did not end within 6 s, so its kernel was killed. Fix:" in hung
    assert "----> 3     pass" in hung or "----> 2 while x:" in hung
    assert of(selected, "Stands at end 2", "hangs.ipynb").startswith("skipped")


def test_parameters_have_the_values_that_are_given_and_cells_above_a_selected_one_run(selected: Outcome) -> None:
    names = [name for notebook, name in selected.cells if notebook == "one.ipynb"]
    assert names == ["The end", "The end 2", "The clock in the end", "The clock in the end 2"]
    assert of(selected, "The end", "one.ipynb") == "passed"


def test_a_plain_assert_says_what_it_saw(selected: Outcome) -> None:
    assert "assert [1, 2, 3] == [1, 2, 4]" in of(selected, "The end 2", "one.ipynb")
    assert "At index 2 diff: 3 != 4" in of(selected, "The end 2", "one.ipynb")


def test_a_virtual_clock_moves_by_the_test_alone(selected: Outcome) -> None:
    assert of(selected, "The clock in the end 2", "one.ipynb") == "passed"


def test_a_parameter_that_no_notebook_has_is_refused(tmp_path: Path) -> None:
    for name in ("one.ipynb", "other.ipynb"):
        write(tmp_path / name, code("rate, town = 1.5, 'Warsaw'", tags=("parameters",)))
    wrong = workbench_test(tmp_path, "--set", "rat=2")
    assert wrong.status == 1
    assert "No notebook has the parameter 'rat'; there are: rate, town. Fix:" in wrong.said


def test_pytest_takes_a_named_notebook_and_leaves_those_of_folders(tmp_path: Path) -> None:
    write(tmp_path / "one.ipynb", code("assert True"))
    (tmp_path / "test_one.py").write_text("def test_it():\n    pass\n")
    counts = []
    for paths in ([], ["one.ipynb"]):
        command = [sys.executable, "-m", "pytest", "-q", "--co", "-p", "workbench.testing.plugin", *paths]
        env = kernel_env() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
        counts.append([line for line in done.stdout.splitlines() if "::" in line])
    assert counts == [["test_one.py::test_it"], ["one.ipynb::cell 1"]]


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = workbench_test(tmp_path, "nope.ipynb")
    assert done.status == 1
    assert "There is no notebook or folder 'nope.ipynb'. Fix: correct the path." in done.said


def test_a_save_touches_its_notebook_and_a_module_those_of_its_folder() -> None:
    a, b, c, helper = Path("a.ipynb"), Path("x/b.ipynb"), Path("x/y/c.ipynb"), Path("x/helper.py")
    before = dict.fromkeys((a, b, c, helper), (1, 1))
    assert touched(before, before) == []
    assert touched(before, {**before, a: (2, 1)}) == [str(a)]
    assert touched(before, {**before, helper: (2, 1)}) == [str(b), str(c)]
