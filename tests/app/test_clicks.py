"""What was made by click lasts: in every store, for its own notebook, until a cell has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import kernel_env
from tests.redis_server import RedisServer
from tests.stores.conftest import redis_program as redis_program
from tests.stores.conftest import redis_server as redis_server
from tests.stores.conftest import shared_url as shared_url
from tests.stores.conftest import store as store
from tests.stores.conftest import url as url
from workbench import (
    APIKey,
    BasicAuth,
    Cache,
    CronJob,
    FTPConnection,
    IntervalJob,
    Limit,
    LocalFolder,
    RESTChannel,
    RESTConnection,
    Service,
    Workbench,
    secret,
)
from workbench.app.deploy.clicks import Click, KeptClicks
from workbench.core.clock import VirtualClock
from workbench.core.definition import Definition
from workbench.core.errors import ServiceUsage, StillUsed, StoreUnavailable, UnknownName
from workbench.core.masking import learn
from workbench.core.origin import Origin
from workbench.core.ports import Store
from workbench.runtime.registry import Source

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
FORM = Origin("form", cell_id="c0ffee")
QUOTE = IntervalJob("quote", service="api.hello", hours=1, timezone="Europe/Warsaw")
EVERY_KIND: list[Definition] = [
    QUOTE,
    CronJob("mornings", service="api.hello", cron="0 9 * * 1-5"),
    RESTChannel("by click", service="api.hello", security="ada", path="/clicked"),
    Limit("api.hello", on="service", lines="* = 100/m"),
    Limit("by click", on="channel", lines="* = 50/m\n10.0.0.0/8 = 5/s"),
    Limit("ada", on="user", lines="10/m"),
    BasicAuth("ada", password=secret("ADA_PASSWORD")),
    APIKey("bob", key=secret("BOB_KEY")),
    FTPConnection("My FTP", host="ftp.example.com", username="me", password=secret("MY_FTP_PASSWORD")),
    RESTConnection(
        "Rates", host="https://data.example.com", headers={"Authorization": secret("TOKEN", prefix="Bearer ")}
    ),
]


class Hello(Service):
    name = "api.hello"

    def handle(self) -> str:
        return "Hello there!"


class Notebooks:
    """Opens notebooks of one folder and one store, as their kernels do, and closes them at the end."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.clock = folder, url, VirtualClock(NOW)
        self._open = ExitStack()

    def __call__(self, app: str = "shop.ipynb") -> Workbench:
        return self._open.enter_context(Workbench(app, folder=self.folder, store=self.url, port=0, clock=self.clock))

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def notebook(shared_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebooks]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("ADA_PASSWORD", "canary-of-ada")
    monkeypatch.setenv("BOB_KEY", "canary-of-bob")
    made = Notebooks(tmp_path, shared_url)
    yield made
    made.close()


def click(wb: Workbench, *definitions: Definition) -> None:
    """What a form does when it is saved."""
    for each in definitions:
        was = wb.origin_of(each)
        wb.drafting.define([each], origin=was.by_form() if was is not None else FORM)


def run_cell(wb: Workbench, cell: Callable[[], Any], *classes: type[Service]) -> list[str]:
    """A cell that ends well; what it says of clicks."""
    with wb.drafting.scope(Source(Origin("cell"), ""), lambda cls: cls in classes) as draft:
        draft.classes = list(classes)
        cell()
    assert draft.deployed is not None
    return list(draft.deployed.said)


def nothing() -> None:
    pass


# One suite, every store


def kept_in(store: Store, app: str = "shop.ipynb") -> KeptClicks:
    return KeptClicks(store, app, lambda collection: collection.removesuffix("s"))


def clicked(definition: Definition, word: str = "job", *, edits: bool = False) -> Click:
    return Click(definition, word, VirtualClock(NOW).now(), FORM, edits)


@pytest.mark.parametrize("definition", EVERY_KIND, ids=str)
def test_every_kind_is_read_as_it_was_kept(store: Store, definition: Definition) -> None:
    kept, click = kept_in(store), clicked(definition, definition.collection.removesuffix("s"), edits=True)
    kept.keep(click)
    assert list(kept_in(store).all()) == [click]
    kept.drop(definition)
    assert list(kept.all()) == []


def test_one_name_is_kept_once_and_each_notebook_has_its_own(store: Store) -> None:
    a, b = kept_in(store, "a.ipynb"), kept_in(store, "a/b.ipynb")
    for kept in (a, b):
        kept.keep(clicked(QUOTE))
        kept.keep(clicked(QUOTE.replace(hours=2)))
    a.drop(QUOTE)
    assert (list(a.all()), [each.definition.hours for each in b.all()]) == ([], [2])  # type: ignore[attr-defined]
    assert a.others() == {"a/b.ipynb": 1}


def test_what_another_notebook_left_is_taken_over_but_nothing_of_ones_own_is_lost(store: Store) -> None:
    old, new = kept_in(store, "Untitled.ipynb"), kept_in(store)
    old.keep(clicked(QUOTE))
    old.keep(clicked(QUOTE.replace(name="other")))
    new.keep(clicked(QUOTE.replace(hours=3)))
    assert new.take("Untitled.ipynb") == 1
    assert {each.definition.name: each.definition.hours for each in new.all()} == {"other": 1, "quote": 3}  # type: ignore[attr-defined]
    assert list(old.all()) == []


def test_the_store_holds_names_of_secrets_and_never_a_value(store: Store) -> None:
    learn("canary-in-a-text")
    with pytest.raises(ServiceUsage, match=r"holds the value of a secret.*Fix: name the secret"):
        kept_in(store).keep(clicked(QUOTE.replace(extra="key=canary-in-a-text")))
    for each in EVERY_KIND:
        kept_in(store).keep(clicked(each))
    assert b"canary" not in b"".join(value for _, value in store.scan(""))


def test_what_cannot_be_read_is_passed_over_and_named(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    kept = kept_in(store)
    kept.keep(clicked(QUOTE))
    (row,) = [value for _, value in store.scan("clicks/")]
    store.put("clicks/shop.ipynb/jobs/broken", b"{}")
    store.put("clicks/shop.ipynb/jobs/unknown", row.replace(b'"IntervalJob"', b'"LunarJob"'))
    assert [each.definition for each in kept.all()] == [QUOTE]
    assert "jobs/broken" in caplog.text
    assert "nobody knows the kind 'LunarJob'" in caplog.text


# After a restart


def test_what_was_clicked_is_back_once_its_services_cell_has_run_and_says_so(notebook: Notebooks) -> None:
    first = notebook()
    run_cell(first, nothing, Hello)
    click(first, QUOTE)
    anchor = first.jobs["quote"].anchor
    first.close()
    notebook.clock.advance(60)
    second = notebook()
    assert run_cell(second, nothing) == []
    assert second.jobs["quote"].state == "waiting"
    assert run_cell(second, nothing, Hello) == ["Job 'quote' was set by click on 27 Nov."]
    assert (second.jobs["quote"].state, second.jobs["quote"].anchor) == ("on", anchor)
    assert second.origin_of(QUOTE) == FORM
    assert run_cell(second, nothing, Hello) == []


def test_every_kind_is_back_in_an_order_in_which_what_is_named_is_there(notebook: Notebooks) -> None:
    first = notebook()
    run_cell(first, nothing, Hello)
    click(first, *sorted(EVERY_KIND, key=lambda each: first.collections[each.collection].order))
    first.close()
    second = notebook()
    said = run_cell(second, nothing, Hello)
    assert len(said) == len(EVERY_KIND) == len(second.clicked)
    assert [each for each in EVERY_KIND if second.in_force(each) != each] == []
    assert second.call("/clicked").status == 401
    assert second.call("/clicked", user="ada").text == "Hello there!"


def test_a_kernel_that_runs_nothing_of_the_notebook_brings_nothing_and_makes_no_store(tmp_path: Path) -> None:
    store = tmp_path / ".workbench" / "store.db"
    with Workbench("shop.ipynb", folder=tmp_path, store=f"sqlite:///{store}", port=0) as wb:
        run_cell(wb, nothing, Hello)
        assert list(wb.clicked) == []
    assert not store.exists()


def test_a_cells_channel_may_name_a_user_that_was_made_by_click(notebook: Notebooks) -> None:
    first = notebook()
    click(first, EVERY_KIND[6])
    first.close()
    second = notebook()
    said = run_cell(second, lambda: second.define(RESTChannel("api.hello", security="ada")), Hello)
    assert said == ["User 'ada' was set by click on 27 Nov."]
    assert second.call("/api/hello", user="ada").text == "Hello there!"


def test_a_service_that_is_called_in_its_own_cell_finds_a_connection_that_was_made_by_click(
    notebook: Notebooks,
) -> None:
    class Lists(Service):
        name = "api.lists"

        def handle(self) -> list[str]:
            return [each.path for each in self.out.files["Archive"].list("")]

    first = notebook()
    run_cell(first, nothing, Lists)
    click(first, LocalFolder("Archive", path=str(notebook.folder / "archive")))
    first.close()
    second = notebook()
    said = run_cell(second, lambda: second.invoke("api.lists"), Lists)
    assert said == ["Connection 'Archive' was set by click on 27 Nov."]
    assert "archive" in [each.name for each in notebook.folder.iterdir()]


def test_a_click_that_cannot_come_back_says_why_once_and_stays_listed(notebook: Notebooks) -> None:
    first = notebook()
    run_cell(first, nothing, Hello)
    click(first, RESTChannel("by click", service="api.hello", path="/taken"))
    first.close()
    second = notebook()
    (said,) = run_cell(second, lambda: second.define(RESTChannel("by cell", service="api.hello", path="/taken")), Hello)
    assert said.startswith("Channel 'by click' was set by click on 27 Nov. It is not in force: ")
    assert "/taken" in said
    assert run_cell(second, nothing, Hello) == []
    assert list(second.clicked) == ["channel by click"]


# A cell has the last word


def test_a_cell_that_defines_the_same_has_it_and_says_so(notebook: Notebooks) -> None:
    first = notebook()
    run_cell(first, nothing, Hello)
    click(first, QUOTE)
    first.close()
    second = notebook()
    run_cell(second, nothing, Hello)
    said = run_cell(second, lambda: second.define(QUOTE))
    assert said == ["Job 'quote' is in a cell now, so its copy by click is gone."]
    assert (list(second.clicked), list(second.jobs)) == ([], ["quote"])
    for _ in range(2):
        assert run_cell(second, nothing, Hello) == run_cell(second, lambda: second.define(QUOTE)) == []
    second.close()
    assert list(notebook().clicked) == []


def test_a_cell_that_says_something_else_has_it_and_the_code_of_the_click_is_said(notebook: Notebooks) -> None:
    wb = notebook()
    run_cell(wb, nothing, Hello)
    click(wb, QUOTE)
    (said,) = run_cell(wb, lambda: wb.define(QUOTE.replace(hours=2)))
    assert said.startswith("Job 'quote' was set by click on 27 Nov. The cell has the last word; it was: ")
    assert said.endswith('wb.define(IntervalJob("quote", service="api.hello", hours=1, timezone="Europe/Warsaw"))')
    assert (wb.jobs["quote"].definition, list(wb.clicked)) == (QUOTE.replace(hours=2), [])


@pytest.mark.parametrize("hours", [1, 2])
def test_a_notebook_that_is_loaded_as_a_file_has_the_last_word_too(notebook: Notebooks, hours: int) -> None:
    first = notebook()
    run_cell(first, nothing, Hello)
    click(first, QUOTE)
    first.close()
    second = notebook()
    deploy = "from workbench import *\nclass Hello(Service):\n    name = 'api.hello'\n    def handle(self): pass"
    define = f"WB.define({QUOTE.replace(hours=hours)!r})"
    cells = [{"cell_type": "code", "id": str(n), "source": text} for n, text in enumerate((deploy, define))]
    (notebook.folder / "shop.ipynb").write_text(json.dumps({"cells": cells}))
    with pytest.MonkeyPatch.context() as names:
        names.setattr("builtins.WB", second, raising=False)
        said = second.load(notebook.folder / "shop.ipynb").said
    assert said[0] == "Job 'quote' was set by click on 27 Nov."
    assert ("its copy by click is gone" in said[1]) == (hours == 1)
    origin = second.origin_of(QUOTE)
    assert origin is not None
    assert (origin.kind, second.jobs["quote"].definition, list(second.clicked)) == (
        "file",
        QUOTE.replace(hours=hours),
        [],
    )


def test_a_cell_that_fails_leaves_the_click_as_it_is(notebook: Notebooks) -> None:
    first = notebook()
    run_cell(first, nothing, Hello)
    click(first, QUOTE)

    def fail() -> None:
        first.define(QUOTE.replace(hours=2))
        raise ValueError("later in the cell")

    with pytest.raises(ValueError, match="later"):
        run_cell(first, fail)
    assert (first.jobs["quote"].definition, list(first.clicked)) == (QUOTE, ["job quote"])
    first.close()
    assert notebook().clicked["job quote"].definition == QUOTE


def test_a_change_of_what_a_cell_defines_waits_for_that_cell_which_has_the_last_word(notebook: Notebooks) -> None:
    first = notebook()
    run_cell(first, lambda: first.define(QUOTE), Hello)
    click(first, QUOTE.replace(hours=2))
    click(first, QUOTE.replace(hours=3))
    assert first.clicked["job quote"].edits
    first.close()
    second = notebook()
    assert run_cell(second, nothing, Hello) == []
    (said,) = run_cell(second, lambda: second.define(QUOTE))
    assert said.startswith("Job 'quote' was changed by click on 27 Nov. The cell has the last word; it was: ")
    assert "hours=3" in said
    assert (second.jobs["quote"].definition, list(second.clicked)) == (QUOTE, [])


def test_a_change_by_click_that_code_takes_back_is_logged_with_how_to_keep_it(
    notebook: Notebooks, caplog: pytest.LogCaptureFixture
) -> None:
    """As when a worker process of a served file begins: there is no cell below which it could be said."""
    first = notebook()
    run_cell(first, lambda: first.define(QUOTE), Hello)
    click(first, QUOTE.replace(hours=3))
    first.close()
    second = notebook()
    for _ in range(2):
        run_cell(second, lambda: second.define(QUOTE), Hello)
    (line,) = [each.getMessage() for each in caplog.records if "by click" in each.getMessage()]
    told = "Job 'quote' was changed by click on 27 Nov. The code that defines it was run again, and holds."
    assert line.startswith(told)
    assert 'Fix: change it there, to IntervalJob("quote", ' in line
    assert "hours=3" in line


def test_a_change_of_what_a_cell_defines_stays_in_force_when_it_is_no_longer_kept(notebook: Notebooks) -> None:
    wb = notebook()
    run_cell(wb, lambda: wb.define(QUOTE), Hello)
    click(wb, QUOTE.replace(hours=2))
    wb.clicked.remove("job quote")
    assert (wb.jobs["quote"].definition, list(wb.clicked)) == (QUOTE.replace(hours=2), [])
    assert run_cell(wb, lambda: wb.define(QUOTE)) == []
    assert wb.jobs["quote"].definition == QUOTE


def test_a_form_that_changes_nothing_of_a_cells_definition_is_no_click(notebook: Notebooks) -> None:
    wb = notebook()
    run_cell(wb, lambda: wb.define(QUOTE), Hello)
    origin = wb.origin_of(QUOTE)
    click(wb, QUOTE)
    assert (list(wb.clicked), wb.origin_of(QUOTE)) == ([], origin)


# Whose it is, and what becomes of it


def test_two_notebooks_of_one_folder_have_each_their_own(notebook: Notebooks) -> None:
    for app, hours in (("a.ipynb", 1), ("b.ipynb", 2)):
        (notebook.folder / app).write_text("{}")
        wb = notebook(app)
        run_cell(wb, nothing, Hello)
        click(wb, QUOTE.replace(hours=hours))
        wb.close()
    for app, hours in (("a.ipynb", 1), ("b.ipynb", 2)):
        wb = notebook(app)
        assert run_cell(wb, nothing, Hello) == ["Job 'quote' was set by click on 27 Nov."]
        assert wb.jobs["quote"].definition.hours == hours  # type: ignore[union-attr]


def test_a_renamed_notebook_is_asked_whether_it_had_that_name_and_takes_what_it_left(tmp_path: Path) -> None:
    notebook = Notebooks(tmp_path, f"sqlite:///{tmp_path}/store.db")
    first = notebook("Untitled.ipynb")
    run_cell(first, nothing, Hello)
    click(first, QUOTE)
    first.close()
    second = notebook()
    assert run_cell(second, nothing, Hello) == [
        "Untitled.ipynb is no longer here and left 1 definition made by click. "
        "If this notebook had that name: wb.clicked.take('Untitled.ipynb')"
    ]
    second.clicked.take("Untitled.ipynb")
    assert (second.jobs["quote"].state, list(second.clicked)) == ("on", ["job quote"])
    with pytest.raises(UnknownName):
        second.clicked.take("Untitled.ipynb")
    notebook.close()


def test_in_a_store_that_machines_share_nobody_asks_after_a_notebook_that_another_may_have(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    redis_server.client.flushall()
    notebook = Notebooks(tmp_path, redis_server.url)
    first = notebook("theirs.ipynb")
    run_cell(first, nothing, Hello)
    click(first, QUOTE)
    first.close()
    assert run_cell(notebook(), nothing, Hello) == []
    notebook.close()


def test_a_notebook_that_is_there_keeps_its_clicks(tmp_path: Path) -> None:
    notebook = Notebooks(tmp_path, f"sqlite:///{tmp_path}/store.db")
    (tmp_path / "other.ipynb").write_text("{}")
    first = notebook("other.ipynb")
    run_cell(first, nothing, Hello)
    click(first, QUOTE)
    second = notebook()
    assert run_cell(second, nothing, Hello) == []
    with pytest.raises(ServiceUsage, match="is its own"):
        second.clicked.take("other.ipynb")
    notebook.close()


@pytest.mark.parametrize("waits", [False, True])
def test_a_click_that_is_removed_is_no_longer_in_force_and_does_not_come_back(notebook: Notebooks, waits: bool) -> None:
    first = notebook()
    run_cell(first, nothing, Hello)
    click(first, QUOTE, RESTChannel("by click", service="api.hello", path="/clicked"))
    first.close()
    second = notebook()
    if not waits:
        run_cell(second, nothing, Hello)
    for name in ("job quote", "channel by click"):
        second.clicked.remove(name)
    assert (list(second.clicked), list(second.jobs), list(second.channels)) == ([], [], [])
    second.close()
    assert run_cell(notebook(), nothing, Hello) == []


def test_what_is_removed_by_other_ways_is_no_longer_kept(notebook: Notebooks) -> None:
    wb = notebook()
    run_cell(wb, nothing, Hello)
    click(wb, *EVERY_KIND[6:7], QUOTE, RESTChannel("by click", service="api.hello", path="/clicked", security="ada"))
    with pytest.raises(StillUsed):
        wb.clicked.remove("user ada")
    assert "user ada" in wb.clicked
    wb.jobs["quote"].remove()
    wb.channels.remove("by click")
    wb.users.remove("ada")
    assert list(wb.clicked) == []


def test_all_that_was_clicked_is_code_that_makes_it_again(notebook: Notebooks) -> None:
    wb = notebook()
    assert repr(wb.clicked) == "Nothing was made by click that is in no cell."
    run_cell(wb, nothing, Hello)
    click(wb, *sorted(EVERY_KIND, key=lambda each: wb.collections[each.collection].order))
    code = repr(wb.clicked)
    assert code == wb.clicked.code
    defined: list[Definition] = []

    class Pasted:
        define = staticmethod(defined.append)

    exec(code, {"wb": Pasted})
    assert sorted(map(repr, defined)) == sorted(map(repr, EVERY_KIND))
    assert "canary" not in code


def test_a_click_that_cannot_be_kept_is_not_in_force(tmp_path: Path) -> None:
    in_the_way = tmp_path / "store"
    in_the_way.write_text("a file where a folder should be")
    with Workbench("shop.ipynb", folder=tmp_path, store=f"sqlite:///{in_the_way}/store.db", port=0) as wb:
        run_cell(wb, nothing, Hello)
        with pytest.raises(StoreUnavailable, match="Fix:"):
            click(wb, RESTChannel("by click", service="api.hello", path="/clicked"))
        assert list(wb.channels) == []


def test_what_a_store_that_is_gone_cannot_undo_is_logged_and_the_rest_is_undone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def goes_down() -> None:
        wb.define(Cache("first"))
        click(wb, Cache("clicked"))
        assert list(wb.clicked) == ["cache clicked"]
        wb._own.store.close()
        raise RuntimeError("the cell fails")

    with Workbench("shop.ipynb", folder=tmp_path, store=f"sqlite:///{tmp_path}/store.db", port=0) as wb:
        run_cell(wb, nothing, Hello)
        with pytest.raises(RuntimeError, match="the cell fails"):
            run_cell(wb, goes_down)
        assert (list(wb.caches), list(wb.clicked)) == (["default"], [])
        assert "Cache 'clicked' was taken back, but the store brings it back after a restart: The store " in caplog.text


def test_a_store_that_cannot_be_read_keeps_no_cell_from_going_live_and_is_told_once(tmp_path: Path) -> None:
    damaged = tmp_path / "store.db"
    damaged.write_bytes(b"no file of SQLite" * 100)
    with Workbench("shop.ipynb", folder=tmp_path, store=f"sqlite:///{damaged}", port=0) as wb:
        (told,) = run_cell(wb, nothing, Hello)
        assert told.startswith("What was made by click cannot be read. The store ")
        assert "Fix: " in told
        assert wb.invoke("api.hello") == "Hello there!"
        assert run_cell(wb, lambda: wb.define(RESTChannel("in a cell", service="api.hello", path="/cell"))) == []
        assert wb.call("GET /cell").text == "Hello there!"


KILLED = """
import os, sys
from workbench import IntervalJob, Service, Workbench
from workbench.core.origin import Origin

class Hello(Service):
    name = "api.hello"
    def handle(self):
        return "Hello there!"

wb = Workbench("shop.ipynb", store=sys.argv[1], port=0)
wb.deploy(Hello)
wb.drafting.define([IntervalJob("quote", service="api.hello", hours=1)], origin=Origin("form"))
print("clicked", flush=True)
sys.stdin.read()
"""


def test_a_click_survives_a_process_that_is_killed_right_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = Notebooks(tmp_path, f"sqlite:///{tmp_path}/store.db")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, notebook.url],
        cwd=notebook.folder,
        env=kernel_env(JUPYTER_RUNTIME_DIR=str(notebook.folder / "runtime")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "clicked\n"
        finally:
            os.kill(process.pid, signal.SIGKILL)
    (said,) = run_cell(notebook(), nothing, Hello)
    assert said.startswith("Job 'quote' was set by click on ")
    notebook.close()


def test_a_click_of_another_year_says_the_year(notebook: Notebooks) -> None:
    first = notebook()
    run_cell(first, nothing, Hello)
    click(first, RESTChannel("by click", service="api.hello", path="/clicked"))
    first.close()
    notebook.clock.advance(60 * 86400)
    assert run_cell(notebook(), nothing, Hello) == ["Channel 'by click' was set by click on 27 Nov 2026."]
