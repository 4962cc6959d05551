"""`wb.restart()`: configuration is read again, and what code had made is back."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from tornado.web import Application, RequestHandler

from tests.app.test_startup import NOTEBOOK, Folder, answering, folder, setting
from workbench import (
    BasicAuth,
    Cache,
    FTPConnection,
    IntervalJob,
    Limit,
    RESTChannel,
    RESTConnection,
    Service,
    Workbench,
    secret,
)
from workbench.app import singleton
from workbench.app.configuration.startup.callables import PhaseCtx, StartupStopped
from workbench.app.configuration.toml_file import WrongFile
from workbench.app.deploy.applying import Applying
from workbench.core.errors import ServiceUsage, WorkbenchError
from workbench.core.origin import Origin

__all__ = ["answering", "folder"]


class Hello(Service):
    """Says what it is told, and by whom."""

    name = "hello"
    limit = "1000/m"

    def handle(self) -> Any:
        return self.user_config.get("word", "none")


class Asks(Service):
    """Asks another system."""

    name = "asks"

    def handle(self) -> Any:
        return self.out.rest["Data"].conn.get(self.cid).data


class Restarts(Service):
    """Would restart what runs it."""

    name = "restarts"

    def handle(self) -> None:
        singleton.the_workbench().restart()


class Mounted(RequestHandler):
    """A page of Tornado's own."""

    def get(self) -> None:
        self.write("mounted")


def filled(folder: Folder, toml: str = "port = 0\nstore = 'memory://'\n") -> Workbench:
    """A workbench with something of each kind."""
    folder.toml(toml)
    wb = singleton.the_workbench()
    os.environ["WB_TEST_PASSWORD"] = "swordfish"
    wb.deploy(Hello, Asks, Restarts)
    wb.define(
        RESTConnection("Data", host="https://data.example.com"),
        FTPConnection("Files", host="ftp.example.com"),
        BasicAuth("me", username="me", password=secret("WB_TEST_PASSWORD")),
        RESTChannel("hello", path="/hello", service="hello", security="me"),
        IntervalJob("hourly", service="hello", hours=1, timezone="UTC"),
        Limit("me", on="user", lines="* = 100/m"),
        Cache("mine", max_size=3),
    )
    wb.mount("/mounted", Application([("/mounted", Mounted)]))
    wb.sandbox()
    wb.peers["Data"].reply("/", json={"rate": 1})
    wb.start()
    return wb


@pytest.fixture(autouse=True)
def _no_password_left() -> Any:
    yield
    os.environ.pop("WB_TEST_PASSWORD", None)


def test_configuration_is_read_again_and_all_that_code_made_is_back(folder: Folder) -> None:
    wb = filled(folder)
    before, url, services, definitions = wb._own, wb.url, wb.services, [each.definition for each in wb.defined]
    peer: Any = wb.peers["Data"]
    wb.invoke("asks")
    wb.services["asks"].new_version = "gate"
    folder.toml("port = 0\nstore = 'memory://'\nthreads = 7\n[user]\nword = 'anew'\n")
    wb.restart()
    assert singleton.the_workbench() is wb
    assert wb._own is not before
    assert setting(wb, "threads") == ("7", "workbench.toml")
    assert sorted(map(repr, (each.definition for each in wb.defined))) == sorted(map(repr, definitions))
    assert sorted(services) == sorted(wb.services) == ["asks", "hello", "restarts"]
    assert wb.startup.problems == []
    answer = requests.get(f"{wb.url}/hello", auth=("me", "swordfish"), timeout=30)
    assert (answer.status_code, answer.text) == (200, "anew")
    assert requests.get(f"{wb.url}/hello", timeout=30).status_code == 401
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/hello", timeout=30)
    assert requests.get(f"{wb.url}/mounted", timeout=30).text == "mounted"
    assert wb.jobs["hourly"].execute().outcome == "ok"
    assert wb.services["asks"].new_version == "gate"
    # The sandbox is on, and its peer is the same, with what it was told and has received.
    assert wb.peers.on
    assert wb.peers["Data"] is peer
    assert wb.invoke("asks") == {"rate": 1}
    assert [each.method for each in peer.requests] == ["GET", "GET"]
    assert "service hello" in wb.limits
    assert "user me" in wb.limits


def test_a_second_restart_and_a_closing_leave_nothing_behind(folder: Folder) -> None:
    environ = dict(os.environ)
    wb = filled(folder)
    for threads in (5, 6):
        folder.toml(f"port = 0\nstore = 'memory://'\nthreads = {threads}\n")
        wb.restart()
        assert setting(wb, "threads") == (str(threads), "workbench.toml")
        assert len(wb.services) == 3
    singleton.forget()
    assert dict(os.environ) == environ | {"WB_TEST_PASSWORD": "swordfish"}


@pytest.mark.parametrize("was_on", [True, False])
def test_a_server_that_was_stopped_stays_so(folder: Folder, was_on: bool) -> None:
    wb = filled(folder)
    if not was_on:
        wb.stop()
    wb.restart()
    assert bool(wb.url) == was_on


@pytest.mark.parametrize(
    ("toml", "error"),
    [
        ("prot = 1\n", WrongFile),
        ("[startup]\nstartup_callable = 'no.where'\non_error = 'stop'\n", StartupStopped),
        ("counters = 'carrier-pigeon://x'\n", WorkbenchError),
    ],
)
def test_a_configuration_that_cannot_be_is_told_and_all_stays(
    folder: Folder, toml: str, error: type[WorkbenchError]
) -> None:
    wb = filled(folder, "port = 0\nstore = 'memory://'\nthreads = 5\n[user]\nword = 'as before'\n")
    before, environ, path = wb._own, dict(os.environ), list(sys.path)
    folder.toml(toml)
    with pytest.raises(error):
        wb.restart()
    assert (wb._own, dict(os.environ), sys.path) == (before, environ, path)
    assert setting(wb, "threads") == ("5", "workbench.toml")
    answer = requests.get(f"{wb.url}/hello", auth=("me", "swordfish"), timeout=30)
    assert (answer.status_code, answer.text) == (200, "as before")


def test_a_version_that_waits_is_not_taken_by_a_restart_and_that_is_told(folder: Folder) -> None:
    wb = filled(folder)
    wb.services["hello"].new_version = "gate"
    for _ in range(3):
        wb.invoke("hello")
    other = {"name": "hello", "limit": Hello.limit, "handle": lambda self: "otherwise"}
    assert wb.deploy(type("Other", (Service,), other)).waiting
    wb.restart()
    assert wb.invoke("hello") == "none"
    assert wb.startup.problems == ["hello v2 waited to be taken, and is not back: hello v1 is. Fix: run its cell."]


def test_what_may_not_be_any_more_is_told_and_the_rest_is_back(folder: Folder) -> None:
    wb = filled(folder)
    folder.toml("port = 0\nstore = 'memory://'\n[component_enabled]\nftp = false\n")
    wb.restart()
    [told] = wb.startup.problems
    assert told.startswith("FTP 'Files' is not back: FTP 'Files' cannot be used, since workbench.toml says ")
    assert list(wb.connections) == ["Data"]
    assert list(wb.channels) == ["hello"]


MODULE = """
from zato.common import SERVER_STARTUP
def change(ctx):
    if ctx.phase == SERVER_STARTUP.PHASE.FS_CONFIG_ONLY:
        ctx.kwargs["server_config"].workbench.threads = {threads}
    if ctx.phase == SERVER_STARTUP.PHASE.AFTER_STARTED:
        ctx.kwargs["server"].invoke("zato.cache.builtin.create", {{"name": "{cache}"}})
"""


def test_callables_are_read_and_called_again_and_make_their_own_again(folder: Folder) -> None:
    wb = folder.start(MODULE.format(threads=5, cache="first"), "change")
    [who] = wb.startup.names
    wb.start()
    wb.define(Cache("of a cell"))
    path = folder.path / "extlib" / f"{who.partition('.')[0]}.py"
    path.write_text(MODULE.format(threads=111, cache="second"))
    wb.restart()
    assert wb.startup.problems == []
    assert setting(wb, "threads") == ("111", who)
    assert list(wb.caches) == ["default", "of a cell", "second"]


def test_a_callable_of_a_cell_is_told_of_every_phase_by_a_restart(folder: Folder) -> None:
    folder.toml("port = 0\n")
    wb, told = singleton.the_workbench(), []

    @wb.on_startup
    def early(ctx: PhaseCtx) -> None:
        told.append(ctx.phase)
        if ctx.phase == "fs-config-only":
            ctx.kwargs["server_config"].workbench.threads = 9

    wb.start()
    assert told == ["after-started"]
    [said] = [each.text for each in wb.log]
    assert "settings were taken before its cell. Fix: wb.restart() tells it fs-config-only, too" in said
    for _ in range(2):
        del told[:]
        wb.restart()
        assert told == ["fs-config-only", "in-process-first", "after-started"]
        assert setting(wb, "threads") == ("9", early.__qualname__)
        assert wb.startup.problems == []
    wb.on_startup(early)
    assert len(told) == 3, "made again as it was, it is not told again"


def test_what_a_form_has_made_or_changed_is_back_as_that(folder: Folder) -> None:
    wb = filled(folder, "port = 0\n")
    form = Origin("form")
    wb.drafting.define([Cache("clicked")], origin=form)
    wb.drafting.define([Cache("mine", max_size=30)], origin=form)
    wb.restart()
    assert wb.caches["mine"].definition.max_size == 30
    assert wb.drafting.in_code(wb.caches["mine"].definition) == Cache("mine", max_size=3)
    assert sorted(wb.clicked) == ["cache clicked", "cache mine"]
    assert wb.clicked["cache mine"].edits
    assert "clicked" in wb.caches


def test_what_the_command_line_has_made_is_back_and_is_of_the_day_on_which_it_was_made(folder: Folder) -> None:
    wb = filled(folder, f"port = 0\nstore = 'sqlite:///{folder.path / 'store.db'}'\n")
    Applying(wb._own, wb.drafting).define("RESTChannel", "applied", {"service": "hello"})
    made = wb.clicked["channel applied"]
    wb.restart()
    assert "applied" in wb.channels
    assert wb.origin_of(wb.channels["applied"].definition) == Origin("command line", applied=True)
    assert (wb.clicked["channel applied"].at, wb.startup.problems) == (made.at, [])


def test_who_cannot_restart_is_told(folder: Folder, tmp_path: Path) -> None:
    with Workbench(port=0) as made, pytest.raises(ServiceUsage, match=r"a script made.*Fix: close it"):
        made.restart()
    wb = filled(folder)
    with pytest.raises(ServiceUsage, match=r"cannot restart its workbench\. Fix: "):
        wb.invoke("restarts")
    (tmp_path / "restarts.py").write_text("from workbench import wb\nwb.restart()\n")
    with pytest.raises(ServiceUsage, match=r"cannot restart its workbench\. Fix: "):
        wb.load(tmp_path / "restarts.py")
    wb.on_startup(lambda ctx: singleton.restart())
    assert "ServiceUsage: A service, a startup callable or a loaded file cannot restart" in wb.startup.problems[-1]
    assert wb.url


@pytest.mark.parametrize("allowed", [True, False])
def test_a_notebook_from_elsewhere_has_callables_called_once_it_is_allowed(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(folder.path / "data"))
    (folder.path / "shop.ipynb").write_text(NOTEBOOK)
    wb = folder.start(MODULE.format(threads=5, cache="first"), "change")
    assert "change were not called at the start, since this notebook comes from elsewhere" in wb.startup.problems[0]
    if allowed:
        wb.outside.allow()
    wb.restart()
    assert (setting(wb, "threads")[0] == "5") == allowed
    assert bool(wb.startup.problems) != allowed
    assert wb.outside.is_own == allowed
