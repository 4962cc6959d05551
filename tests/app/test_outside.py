"""A notebook from elsewhere asks once before its first call of the outside; one's own is never asked."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.contents.filemanager import FileContentsManager

from tests.cli.conftest import CommandLine
from tests.cli.conftest import fresh as fresh
from tests.kernels import Kernel
from tests.ui.test_card_in_kernels import Front
from workbench import Cache, LocalFolder, RESTConnection, Service, SMTPConnection, Workbench
from workbench.app import singleton
from workbench.app.outside import OutsideAsked, OutsideRefused, jupyter_data
from workbench.core.errors import ConnectionFailed

SOURCE = RESTConnection("My Data Source", host="https://data.example.com", path="/rates")
MAIL = SMTPConnection("My SMTP", host="smtp.example.com")
HERE = RESTConnection("Here", host="http://127.0.0.1:9")
QUESTION = "This notebook comes from elsewhere and would call data.example.com and smtp.example.com."


def notebook(*cells: str) -> dict[str, Any]:
    bare = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    code = [bare | {"id": f"cell-{number}", "source": text} for number, text in enumerate(cells)]
    return {"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Sessions:
    """Kernels of one user, one after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "shop.ipynb"
        self._open: list[Workbench] = []

    def __call__(self, path: Path | None = None) -> Workbench:
        """The workbench of a kernel that has just been started for a notebook."""
        wb = Workbench("shop.ipynb", folder=self.folder, port=0)
        self._open.append(wb)
        wb.outside.watch(path or self.path)
        wb.define(SOURCE, MAIL, HERE, LocalFolder("Kept", path=str(self.folder)))
        return wb

    def from_elsewhere(self, *cells: str) -> None:
        """Put a notebook there that nobody has saved here."""
        self.path.write_text(json.dumps(notebook(*(cells or ("1 + 1",)))))

    def save(self, *cells: str) -> None:
        """Save it as this user's JupyterLab does, all cells run."""
        manager = FileContentsManager(root_dir=str(self.folder))
        manager.notary.data_dir = os.environ["JUPYTER_DATA_DIR"]
        manager.save({"type": "notebook", "content": notebook(*(cells or ("1 + 1",)))}, self.path.name)
        manager.notary.store.close()

    def close(self) -> None:
        for each in self._open:
            each.close()


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "user" / "data"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "user" / "config"))
    monkeypatch.delenv("WORKBENCH_ALLOW_OUTSIDE", raising=False)
    (tmp_path / "work").mkdir()
    made = Sessions(tmp_path / "work")
    yield made
    made.close()


def is_refused(wb: Workbench) -> bool:
    """Whether a connection to the outside is refused; opening one calls nobody yet."""
    try:
        assert wb.connections["My Data Source"].conn is not None
    except OutsideRefused:
        return True
    return False


def test_the_refusal_names_the_connection_the_hosts_and_both_ways_on(session: Sessions) -> None:
    session.from_elsewhere()
    wb = session()
    with pytest.raises(ConnectionFailed) as raised:
        wb.connections["My Data Source"].ping()
    assert str(raised.value) == (
        f"REST 'My Data Source' was not opened. {QUESTION} Fix: wb.sandbox() to use stand-ins; "
        "or press Allow, in a headless run --allow-outside or WORKBENCH_ALLOW_OUTSIDE=1."
    )


def test_it_is_asked_once_and_every_refused_call_fails_by_itself(session: Sessions) -> None:
    session.from_elsewhere()
    wb = session()
    asked: list[OutsideAsked] = []
    wb.events.subscribe(OutsideAsked, asked.append)

    class Sync(Service):
        name = "api.sync"

        def handle(self) -> None:
            self.out.rest["My Data Source"].conn.get(self.cid)

    wb.deploy(Sync)
    for _ in range(2):
        with pytest.raises(OutsideRefused):
            wb.invoke("api.sync")
    assert [each.hosts for each in asked] == [("data.example.com", "smtp.example.com")]
    assert wb.outside.question == QUESTION


def test_who_is_asked_of_a_connection_is_told_of_the_servers_of_caches_too(session: Sessions) -> None:
    session.from_elsewhere()
    wb = session()
    wb.define(
        Cache("away", store="redis://cache.example.com/0"),
        Cache("here", store="redis://127.0.0.1:1/0"),
        Cache("socket", store="unix:///nowhere/redis.sock"),
        Cache("file", store=f"sqlite:///{session.folder}/kept.db"),
    )
    assert is_refused(wb)
    assert "would call data.example.com, smtp.example.com and cache.example.com." in wb.outside.question
    with pytest.raises(OutsideRefused, match="cache 'away' was not opened"):
        wb.caches["away"].set("a", 1)
    wb.caches["file"].set("a", 1)


def test_this_machine_and_peers_are_not_asked_about(session: Sessions) -> None:
    session.from_elsewhere()
    wb = session()
    assert wb.connections["Here"].conn is not None
    assert wb.connections["Kept"].conn is not None
    wb.sandbox()
    assert wb.connections["My Data Source"].conn is not None
    wb.sandbox(False)
    assert is_refused(wb)


def test_what_is_allowed_stays_so_for_that_notebook_alone(session: Sessions) -> None:
    session.from_elsewhere()
    wb = session()
    assert is_refused(wb)
    wb.outside.allow()
    assert (is_refused(wb), wb.outside.question) == (False, "")
    session.from_elsewhere("a colleague's next version of it")
    assert not is_refused(session())
    other = session.folder / "other.ipynb"
    other.write_text(json.dumps(notebook("1 + 1")))
    assert is_refused(session(other))


@pytest.mark.parametrize(("value", "refused"), [("1", False), ("0", True), ("", True)])
def test_a_variable_allows_it_where_nobody_looks(
    session: Sessions, monkeypatch: pytest.MonkeyPatch, value: str, refused: bool
) -> None:
    monkeypatch.setenv("WORKBENCH_ALLOW_OUTSIDE", value)
    session.from_elsewhere()
    assert is_refused(session()) == refused
    monkeypatch.delenv("WORKBENCH_ALLOW_OUTSIDE")
    assert is_refused(session()), "it was allowed for those runs alone"


def own_by_jupyter(session: Sessions) -> Path:
    session.save()
    return session.path


def own_since_new(session: Sessions) -> Path:
    session.path.write_text(json.dumps(notebook("", "  \n")))
    return session.path


def own_since_not_there(session: Sessions) -> Path:
    return session.path


def own_since_empty_file(session: Sessions) -> Path:
    session.path.write_text("")
    return session.path


def own_as_a_script(session: Sessions) -> Path:
    script = session.folder / "shop.py"
    script.write_text("print(1)")
    return script


@pytest.mark.parametrize(
    "own", [own_by_jupyter, own_since_new, own_since_not_there, own_since_empty_file, own_as_a_script]
)
def test_ones_own_is_never_asked(session: Sessions, own: Callable[[Sessions], Path]) -> None:
    assert not is_refused(session(own(session)))


def test_a_workbench_of_a_script_is_never_asked(session: Sessions) -> None:
    with Workbench("shop.ipynb", folder=session.folder, port=0) as wb:
        session.from_elsewhere()
        wb.load(session.path)
        wb.define(SOURCE)
        assert not is_refused(wb)


def test_another_users_jupyter_trusts_nothing_here(session: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    session.save()
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(session.folder / "another user"))
    assert is_refused(session())
    assert not (jupyter_data() / "nbsignatures.db").exists(), "to look makes nothing of Jupyter's"


def test_what_jupyter_saved_and_somebody_changed_is_from_elsewhere(session: Sessions) -> None:
    session.save()
    session.path.write_text(session.path.read_text().replace("1 + 1", "1 + 2"))
    assert is_refused(session())


@pytest.mark.parametrize(("startup", "is_found_out"), [("", False), ('startup_callable = "builtins.repr"', True)])
def test_whose_a_notebook_is_is_found_out_at_the_start_only_where_something_is_to_be_called(
    session: Sessions, startup: str, is_found_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask Jupyter takes a second and more."""
    session.save()
    (session.folder / "workbench.toml").write_text(f"port = 0\n[startup]\n{startup}\n")
    monkeypatch.setenv("JPY_SESSION_NAME", str(session.path))
    singleton.forget()
    try:
        assert singleton.the_workbench().startup.problems == []
    finally:
        singleton.forget()
    assert (jupyter_data() / "workbench" / "notebooks.db").exists() == is_found_out


def test_a_save_after_the_question_answers_nothing(session: Sessions) -> None:
    session.from_elsewhere()
    wb = session()
    session.save()
    assert is_refused(wb), "what counts is what was there when the kernel began"
    assert is_refused(session()), "it was asked about, and nobody has answered"
    session().outside.allow()
    assert not is_refused(session())


def test_a_state_folder_that_cannot_be_written_is_named_and_what_is_allowed_holds_for_this_kernel(
    session: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    session.from_elsewhere()
    data = Path(os.environ["JUPYTER_DATA_DIR"])
    data.mkdir(parents=True)
    (data / "workbench").write_text("a file where a folder should be")
    wb = session()
    assert is_refused(wb)
    wb.outside.allow()
    assert not is_refused(wb)
    assert "so it is asked again" in caplog.text


CELLS = (
    "from workbench import wb, Service, RESTConnection",
    'wb.define(RESTConnection("Rates", host="https://data.example.com"))',
    """class Sync(Service):
    name = "api.sync"
    def handle(self):
        return repr(self.out.rest["Rates"].conn)
""",
)


@pytest.fixture
def kernel(fresh: CommandLine) -> Iterator[Kernel]:
    path = fresh.folder / "shop.ipynb"
    path.write_text(json.dumps(notebook(*CELLS)))
    env = {each: fresh.env[each] for each in ("WORKBENCH_PORT", "WORKBENCH_STORE", "JUPYTER_RUNTIME_DIR")}
    env |= {"JPY_SESSION_NAME": str(path), "JUPYTER_DATA_DIR": str(fresh.folder / "data")}
    with Kernel("workbench", cwd=fresh.folder, env=env) as started:
        for each in CELLS:
            started.run(each)
        yield started


def test_the_question_stands_under_the_cell_and_is_answered_by_a_click(kernel: Kernel) -> None:
    call = "print(wb.invoke('api.sync'))"
    shown = kernel.run_as("calls", call, fails=True)
    assert shown.error is not None
    assert shown.error["ename"] == "OutsideRefused"
    view, question = shown.displays
    assert question["text/plain"] == (
        "This notebook comes from elsewhere and would call data.example.com. [Use stand-ins] [Allow]"
    )
    front = Front(kernel, view["application/vnd.jupyter.widget-view+json"]["model_id"])
    assert not kernel.run(call, fails=True).displays, "it is asked once"
    assert "stand-in" in front.answer(front.send(ask="outside stand-ins"))["said"]
    assert "127.0.0.1" in kernel.run("wb.invoke('api.sync'); print(wb.peers['Rates'].address)").stdout
    kernel.run("wb.sandbox(False)")
    assert front.answer(front.send(ask="outside allow"))["said"].startswith("Allowed, from now on.")
    assert kernel.run(call).stdout == "REST 'Rates', open\n"


def test_serve_refuses_it_unless_it_is_told_to_allow_it(fresh: CommandLine) -> None:
    path = fresh.folder / "shop.ipynb"
    path.write_text(json.dumps(notebook(*CELLS)))
    env = {"JUPYTER_DATA_DIR": str(fresh.folder / "data")}
    said = {}
    for option in ((), ("--allow-outside",)):
        served = fresh.serve(path, *option, **env)
        done = fresh.run("invoke", "api.sync", **env)
        said[option] = done.stdout + done.stderr
        assert served.stop(signal.SIGTERM)[0] == 0
    assert "This notebook comes from elsewhere and would call data.example.com." in said[()]
    assert "REST 'Rates', open" in said[("--allow-outside",)]
