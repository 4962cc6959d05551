"""A file has one folder, whoever opens it and from where; and a command finds the workbench that is meant."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import requests

from tests.cli.conftest import CommandLine, Served
from tests.cli.test_serve import notebook
from tests.kernels import Kernel

HEAD = "from workbench import IntervalJob, RESTChannel, RESTConnection, Service, secret, wb"
READS = """from pathlib import Path
from beside import WORD
from workbench.core.secret import Secret

class Reads(Service):
    name = "reads"

    def handle(self):
        return [WORD, Path("data.txt").read_text(), wb.secrets.reveal(Secret("SHOP_WORD"), "a test"), str(wb.folder)]

wb.define(RESTChannel("reads"))
"""
JOB = "wb.define(IntervalJob('daily', service='reads', days=1, timezone='UTC'))"


@pytest.fixture
def shop(fresh: CommandLine) -> Path:
    """A notebook in a folder of its own, with what it needs beside it."""
    folder = fresh.folder / "notebooks"
    folder.mkdir()
    (folder / "beside.py").write_text("WORD = 'imported'\n")
    (folder / "data.txt").write_text("read")
    (folder / ".env").write_text("SHOP_WORD=secret-of-the-shop\nWORKBENCH_HOSTS=shop.example\n")
    path = folder / "shop.ipynb"
    path.write_text(notebook(HEAD, READS, JOB))
    return path


def test_a_served_file_uses_its_own_folder(fresh: CommandLine, shop: Path) -> None:
    served = fresh.serve(Path("notebooks/shop.ipynb"), WORKBENCH_STORE="")
    assert requests.get(f"{served.url}/reads", timeout=30).json() == [
        "imported",
        "read",
        "secret-of-the-shop",
        str(shop.parent),
    ]
    assert requests.get(f"{served.url}/reads", headers={"Host": "shop.example"}, timeout=30).status_code == 200
    assert (shop.parent / ".workbench" / "store.db").is_file()
    assert not (fresh.folder / ".workbench").exists()


def test_a_kernel_and_a_served_process_are_one_application_and_say_so(fresh: CommandLine, shop: Path) -> None:
    env = {each: fresh.env[each] for each in ("WORKBENCH_PORT", "JUPYTER_RUNTIME_DIR")}
    served = fresh.serve(Path("notebooks/shop.ipynb"), WORKBENCH_STORE="")
    with Kernel("workbench", env=env | {"JPY_SESSION_NAME": str(shop)}, cwd=fresh.folder) as kernel:
        kernel.run("import os; os.chdir('notebooks')")
        for each in (HEAD, READS, JOB):
            kernel.run(each)
        pid = served.process.pid
        assert kernel.run("[each.pid for each in wb.sharing_jobs()]").result == f"[{pid}]"
        told = {each["pid"]: each for each in json.loads(fresh.said("status", "--json"))}
        assert {each["file"] for each in told.values()} == {str(shop)}
        assert [told[pid]["shares_jobs_with"], told[kernel.pid]["shares_jobs_with"]] == [[kernel.pid], [pid]]
        lines = fresh.said("status")
        assert f"; 1 job, each planned time here or in pid {kernel.pid}" in lines
        assert f"; 1 job, each planned time here or in pid {pid}" in lines


def test_what_is_served_says_its_jobs_and_that_peers_play(fresh: CommandLine, shop: Path) -> None:
    shop.write_text(notebook(HEAD, READS, JOB, "wb.sandbox()"))
    with fresh.running("serve", "notebooks/shop.ipynb") as served:
        assert served.stdout is not None
        said = [served.stdout.readline().rstrip() for _ in range(4)]
        served.send_signal(signal.SIGTERM)
    assert said[0].startswith("Serving 1 service of shop.ipynb at http://localhost:")
    assert said[1:] == [
        "  any method /reads: reads",
        "  job 'daily': every 1 day, on, runs reads",
        "Sandbox on, as the file says: peers play every connection. To go outside: --no-sandbox",
    ]


@pytest.mark.parametrize(
    ("cell", "choice", "on"),
    [("wb.sandbox()", "--no-sandbox", False), ("wb.sandbox(False)", "--sandbox", True), ("", "--sandbox", True)],
)
def test_the_sandbox_is_the_command_lines_choice(fresh: CommandLine, cell: str, choice: str, on: bool) -> None:
    served = fresh.serve(fresh.module("shop.ipynb", notebook(HEAD, cell or "1")), choice)
    assert served.told["sandbox"] is on


def test_a_folder_is_refused_with_the_names_of_its_files(fresh: CommandLine, shop: Path) -> None:
    assert fresh.refused("serve", "notebooks") == (
        "workbench: 'notebooks' is a folder, and one file is served at a time. "
        "Fix: name one of its files: beside.py, shop.ipynb."
    )


@pytest.fixture
def namesakes(fresh: CommandLine) -> list[Served]:
    """Two workbenches of one name, in two folders; each has a service of its own and one that both have."""
    made = []
    for folder in ("one", "two"):
        (fresh.folder / folder).mkdir()
        cell = "class {0}(Service):\n    name = '{1}'\n    def handle(self):\n        return '{2}'"
        cells = [cell.format(each.title(), each, folder) for each in ("both", f"only{folder}")]
        path = fresh.folder / folder / "shop.ipynb"
        path.write_text(notebook(HEAD, *cells))
        made.append(fresh.serve(path))
    return made


def test_of_two_of_one_name_none_is_taken_in_silence(
    fresh: CommandLine, namesakes: list[Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fresh.folder)
    words = fresh.refused("invoke", "both", "--app", "shop.ipynb")
    assert words.startswith("workbench: Several workbenches are meant by 'shop.ipynb': ")
    for served, folder in zip(namesakes, ("one", "two"), strict=True):
        port = served.url.rpartition(":")[2]
        path = str(fresh.folder / folder / "shop.ipynb")
        assert f"{path} (pid {served.process.pid}, port {port})" in words
        for meant in (path, os.path.relpath(path, fresh.folder), str(served.process.pid), port, served.url):
            assert fresh.said("invoke", "both", "--app", meant) == f"{folder}\n"
        # The only one that has it is meant, with the name of both and without any.
        assert fresh.said("invoke", f"only{folder}") == f"{folder}\n"
        assert fresh.said("invoke", f"only{folder}", "--app", "shop.ipynb") == f"{folder}\n"
