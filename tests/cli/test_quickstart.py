"""`workbench quickstart`: a folder that serves by several processes once it is started, and nothing of it after."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.cli.conftest import WAIT_SECONDS, CommandLine, Ran
from tests.serving import until
from workbench.cli.quickstart.asked import Asked, read
from workbench.cli.quickstart.making import FILES, UNIT
from workbench.core.errors import WorkbenchError

pytestmark = pytest.mark.timeout(900 if os.environ.get("WORKBENCH_SOAK") else 240)
TIMES = 20 if os.environ.get("WORKBENCH_SOAK") else 0
SECONDS = 10.0
"""How long a start may take [s]; looked at under WORKBENCH_SOAK alone, when nobody else is at work."""


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("shop", Asked("shop")),
        ("shop sqlite", Asked("shop")),
        ("create qs-1 sqlite localhost 6379", Asked("qs-1", "", "redis://localhost:6379/0")),
        ("shop redis ::1 6380", Asked("shop", "", "redis://[::1]:6380/0")),
        ("shop postgresql postgresql://ada@db/shop", Asked("shop", "postgresql://ada@db/shop")),
        (
            "create shop postgresql postgres://db/shop redis cache 6379",
            Asked("shop", "postgres://db/shop", "redis://cache:6379/0"),
        ),
        ("create", Asked("create")),
    ],
)
def test_what_is_wanted_is_read_in_our_form_and_in_that_of_zato(words: str, asked: Asked) -> None:
    assert read(words.split()) == asked


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("shop mysql", "'mysql' says nothing here"),
        ("shop postgresql", "PostgreSQL has no URL"),
        ("shop postgresql localhost", "PostgreSQL has no URL"),
        ("shop redis localhost", "Redis has no host and port"),
        ("shop sqlite localhost many", "'localhost many' says nothing here"),
        ("shop sqlite localhost 99999", "'localhost 99999' says nothing here"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_form(words: str, said: str) -> None:
    with pytest.raises(WorkbenchError, match=rf"{said}.* Fix: "):
        read(words.split())


class Quickstart:
    """A folder that a quickstart has made, on a port of its own."""

    def __init__(self, line: CommandLine, name: str, *words: str, port: int | None = None) -> None:
        self.folder, self.port = line.folder / name, port or _free_port()
        self._env = {name: line.env[name] for name in line.env if name not in ("WORKBENCH_STORE", "WORKBENCH_PORT")}
        self.made = line.run("quickstart", str(self.folder), *words, "--port", str(self.port), "--json")
        assert self.made.returncode == 0, self.made

    def run(self, script: str) -> Ran:
        """Run one of its scripts, from another folder."""
        return subprocess.run(
            [self.folder / script], cwd="/", env=self._env, capture_output=True, text=True, timeout=90, check=False
        )

    def hello(self) -> str:
        """What it answers."""
        return str(requests.get(f"http://localhost:{self.port}/hello?name=Ada", timeout=30).json()["said"])

    @property
    def keeper(self) -> int:
        """The process that keeps it served."""
        return int((self.folder / ".workbench" / "keeper.lock").read_text())

    def serving(self, line: CommandLine) -> tuple[int, list[int]]:
        """The supervisor, and its worker processes that are ready."""
        told = json.loads(line.said("status", "--json"))
        mine = next((each for each in told if each["file"] == str(self.folder / "services.ipynb")), None)
        if mine is None:
            return 0, []
        return mine["pid"], [each["pid"] for each in mine.get("workers", ()) if each["state"] == "ready"]

    def until_two_serve(self, line: CommandLine, *gone: int) -> tuple[int, list[int]]:
        """Wait until a supervisor and two processes serve, none of which is one of those."""

        def look() -> tuple[int, list[int]] | None:
            supervisor, workers = self.serving(line)
            return (supervisor, workers) if len(workers) == 2 and not {supervisor, *workers} & set(gone) else None

        found: tuple[int, list[int]] = until(look, f"two serve without {gone}", 90)
        return found


def runs(pid: int) -> bool:
    """Whether a process runs; one that nobody has asked for its end does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def shop(fresh: CommandLine) -> Iterator[Quickstart]:
    made = Quickstart(fresh, "the shop")
    yield made
    made.run("stop")


def test_a_folder_answers_from_several_processes_once_it_is_started_and_survives_each_kill(
    fresh: CommandLine, shop: Quickstart
) -> None:
    for _ in range(TIMES):
        began = time.monotonic()
        started = shop.run("start")
        took = time.monotonic() - began
        assert started.returncode == 0, started
        assert started.stdout.startswith(f"It answers at http://localhost:{shop.port} (pid ")
        assert shop.hello() == "Hello Ada!"
        assert took <= SECONDS
        stopped = shop.run("stop")
        assert (stopped.returncode, stopped.stdout) == (0, "It has ended.\n"), stopped
    assert shop.run("start").stdout.startswith(f"It answers at http://localhost:{shop.port} (pid ")
    assert shop.run("start").stdout.startswith(f"It runs already, at http://localhost:{shop.port} (pid ")
    supervisor, workers = shop.until_two_serve(fresh)
    os.kill(workers[0], signal.SIGKILL)
    supervisor, workers = shop.until_two_serve(fresh, workers[0])
    os.kill(supervisor, signal.SIGKILL)
    supervisor, workers = shop.until_two_serve(fresh, supervisor, *workers)
    assert "workbench serve was ended by SIGKILL; it starts again in 0 s." in (shop.folder / "serve.log").read_text()
    keeper = shop.keeper
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not runs(keeper), "the keeper has ended")
    assert shop.hello() == "Hello Ada!"
    assert shop.run("start").stdout.startswith("It runs already, at ")
    assert shop.run("stop").stdout == "It has ended.\n"
    assert shop.run("stop").stdout == "It does not run.\n"
    until(lambda: not any(map(runs, [supervisor, *workers])), "all of them have ended")


def test_a_second_one_on_the_same_port_is_told_who_has_it(fresh: CommandLine, shop: Quickstart) -> None:
    with socket.create_server(("127.0.0.1", shop.port)):
        refused = shop.run("start")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"workbench: Port {shop.port} is in use by ")
    assert " Fix: " in refused.stderr
    assert shop.run("stop").stdout == "It does not run.\n"


def test_a_notebook_that_fails_is_told_by_start(shop: Quickstart) -> None:
    (shop.folder / "services.ipynb").write_text("{")
    refused = shop.run("start")
    assert refused.returncode == 1
    assert "services.ipynb is no notebook" in refused.stderr


def test_what_it_makes_passes_its_own_tests_and_lint(fresh: CommandLine) -> None:
    made = Quickstart(fresh, "tried", "sqlite", "--servers", "3")
    files = {str(each.relative_to(made.folder)) for each in made.folder.rglob("*") if each.is_file()}
    assert files == {*FILES, *([UNIT] if sys.platform == "linux" else [])}
    assert all(os.access(made.folder / each, os.X_OK) for each in ("start", "stop"))
    inside = CommandLine(made.folder)
    linted = inside.run("lint")
    assert (linted.returncode, linted.stdout) == (0, "There is nothing to mend.\n"), linted
    # The whole takes a kernel, which costs 10 s.
    what = ("workbench", "test") if TIMES else ("pytest", "tests/test_services.py")
    tested = subprocess.run(
        [Path(sys.executable).with_name(what[0]), *what[1:]],
        cwd=made.folder,
        env=inside.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert tested.returncode == 0, tested
    assert "by 3 processes" in (made.folder / "start").read_text()


def test_what_services_reach_is_in_the_notebook_and_passwords_in_a_file_of_ones_own(fresh: CommandLine) -> None:
    url = "postgresql://ada:not-to-be-read@db.example.com:5433/shop"
    made = Quickstart(fresh, "shop", "postgresql", url, "redis", "localhost", str(_free_port()))
    told = json.loads(made.made.stdout)
    assert ".env" in told["files"]
    assert any("does not answer now. Fix: start it" in each for each in told["notes"])
    env = made.folder / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert "not-to-be-read" in env.read_text()
    others = [each.read_text() for each in made.folder.rglob("*") if each.is_file() and each != env]
    assert not any("not-to-be-read" in text for text in [*others, made.made.stdout])
    served = fresh.serve(made.folder / "services.ipynb", WORKBENCH_STORE="")
    assert served.told["services"] == ["beat", "hello"]
    assert "db.example.com" in (made.folder / "services.ipynb").read_text()


SERVICE = """\
from workbench import RESTChannel, Service, wb

wb.define(RESTChannel("orders"))

class Orders(Service):
    name = "orders"

    def handle(self):
        return {}
"""


def test_a_folder_of_services_is_served_by_a_link_and_a_save_in_it_goes_live(fresh: CommandLine) -> None:
    (fresh.folder / "mine").mkdir()
    module = fresh.module("mine/orders.py", SERVICE.format(1))
    made = Quickstart(fresh, "shop", "--folder", str(fresh.folder / "mine"))
    assert "services" in json.loads(made.made.stdout)["files"]
    served = fresh.serve(made.folder / "services.ipynb", WORKBENCH_STORE="")
    assert served.told["services"] == ["beat", "hello", "orders"]
    module.write_text(SERVICE.format(22))
    until(lambda: requests.get(f"{served.url}/orders", timeout=30).text == "22", "the save is live")
    inside = CommandLine(made.folder)
    assert inside.run("lint").returncode == 0


def test_a_folder_of_services_that_cannot_be_served_leaves_nothing(fresh: CommandLine) -> None:
    (fresh.folder / "empty").mkdir()
    (fresh.folder / "mine").mkdir()
    fresh.module("mine/orders.py", SERVICE)
    for services, place, said in (
        ("nowhere", "shop", "'nowhere' is not there. Fix: name a folder of services"),
        ("empty", "shop", "'empty' has neither modules (.py) nor files of definitions"),
        ("mine", "mine/shop", "would be in the folder of services, mine. Fix: make it beside that."),
    ):
        assert said in fresh.refused("quickstart", place, "--folder", services)
        assert not (fresh.folder / place).exists()


def test_a_folder_that_holds_something_is_left_alone(fresh: CommandLine) -> None:
    (fresh.folder / "mine").mkdir()
    (fresh.folder / "mine" / "notes.txt").write_text("mine")
    said = fresh.refused("quickstart", "mine")
    assert said.endswith("mine is not empty: notes.txt. Fix: name a folder that is empty, or not there.")
    assert [each.name for each in (fresh.folder / "mine").iterdir()] == ["notes.txt"]
    said = fresh.refused("quickstart", "mine/notes.txt")
    assert "notes.txt is a file. Fix: " in said


def test_an_empty_folder_is_taken_as_it_is(fresh: CommandLine) -> None:
    (fresh.folder / "empty").mkdir(mode=0o750)
    Quickstart(fresh, "empty")
    assert stat.S_IMODE((fresh.folder / "empty").stat().st_mode) == 0o750


def test_a_folder_without_rights_is_told(fresh: CommandLine) -> None:
    (fresh.folder / "closed").mkdir(mode=0o500)
    # Root may write anywhere but there.
    where = "closed/shop" if os.geteuid() else "/proc/shop"
    said = fresh.refused("quickstart", where)
    assert f"{where} cannot be written: " in said
    assert "; nothing is left of it. Fix: " in said


def test_a_disk_that_is_full_leaves_nothing_behind(fresh: CommandLine) -> None:
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    (fresh.folder / "kept").mkdir()
    for name in ("full", "kept"):
        command = fresh.command("quickstart", name)
        done = subprocess.run(
            command,
            cwd=fresh.folder,
            env=fresh.env,
            preexec_fn=small,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        assert done.returncode == 1
        assert "cannot be written: File too large; nothing is left of it. Fix: make room" in done.stderr
    assert not (fresh.folder / "full").exists()
    assert list((fresh.folder / "kept").iterdir()) == []


@pytest.mark.parametrize("name", ["shop", "the 100% shop"])
def test_its_unit_is_one_for_systemd(fresh: CommandLine, name: str) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed: apt install systemd")
    made = Quickstart(fresh, name)
    done = subprocess.run(
        [analyze, "verify", made.folder / UNIT], capture_output=True, text=True, timeout=WAIT_SECONDS, check=False
    )
    about_ours = [line for line in done.stderr.splitlines() if "workbench" in line]
    assert (done.returncode, about_ours) == (0, []), done
