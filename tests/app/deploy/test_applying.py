"""A file of definitions against a workbench: compared, applied all or none, kept as a click is, pruned, exported."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from workbench import (
    APIKey,
    BasicAuth,
    Cache,
    CronJob,
    FTPConnection,
    IntervalJob,
    Limit,
    RESTChannel,
    RESTConnection,
    Service,
    Workbench,
    secret,
)
from workbench.app.deploy.applying import Applying
from workbench.app.deploy.manifests.comparing import Change
from workbench.app.deploy.manifests.errors import WrongManifest
from workbench.core.errors import NameTaken, PathTaken, WorkbenchError
from workbench.core.origin import Origin
from workbench.core.secret import PlainSecretWarning
from workbench.runtime.registry import Source

JOB = "IntervalJob:\n  - {name: sync, service: api.x, hours: 1}\n"
WHOLE = """\
BasicAuth:
  - {name: ada, password: "${ADA_PASSWORD}"}
RESTChannel:
  - name: api.x
    security: ada
CronJob:
  - {name: nightly, service: api.x, cron: 0 2 * * *}
"""


class X(Service):
    name = "api.x"

    def handle(self) -> str:
        return "x"


class Notebook:
    """One application of a folder, opened again and again, and a file of definitions beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "defs.yaml"
        self._open = ExitStack()
        self.wb = self._opened()

    def _opened(self) -> Workbench:
        store = f"sqlite:///{self.folder / 'store.db'}"
        return self._open.enter_context(Workbench("shop.ipynb", folder=self.folder, store=store, port=0))

    def open_again(self) -> None:
        """As after a restart of its kernel."""
        self._open.close()
        self.wb = self._opened()

    def close(self) -> None:
        self._open.close()

    @property
    def applying(self) -> Applying:
        return Applying(self.wb.drafting._parts, self.wb.drafting)

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def words(self, changes: list[Change]) -> list[str]:
        return [f"{each.word} {each.definition.full_name}" for each in changes]

    def diff(self) -> list[str]:
        return self.words(self.applying.diff(self.path).changes)

    def apply(self, text: str | None = None, *, prune: bool = False) -> list[str]:
        if text is not None:
            self.write(text)
        return self.words(self.applying.apply(self.path, "defs.yaml", prune=prune).changes)

    def cell(self, run: Callable[[], object] = lambda: None, *classes: type[Service]) -> list[str]:
        """A cell that ends well; what it says."""
        with self.wb.drafting.scope(Source(Origin("cell", execution_count=3), ""), lambda cls: cls in classes) as draft:
            draft.classes = list(classes)
            run()
        assert draft.deployed is not None
        return list(draft.deployed.said)


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("ADA_PASSWORD", "canary-of-ada")
    monkeypatch.chdir(tmp_path)
    made = Notebook(tmp_path)
    made.cell(lambda: None, X)
    yield made
    made.close()


def test_what_is_applied_is_in_force_and_then_nothing_differs(notebook: Notebook) -> None:
    notebook.write(WHOLE)
    assert notebook.diff() == ["new ada", "new api.x", "new nightly"]
    assert not notebook.wb.channels
    assert notebook.apply() == ["new ada", "new api.x", "new nightly"]
    assert notebook.wb.call("GET /api/x", user="ada").status == 200
    assert notebook.wb.call("GET /api/x").status == 401
    assert notebook.wb.jobs["nightly"].definition.cron == "0 2 * * *"
    assert notebook.diff() == ["unchanged ada", "unchanged api.x", "unchanged nightly"]
    origin = notebook.wb.origin_of(notebook.wb.jobs["nightly"].definition)
    assert origin is not None
    assert (origin.kind, origin.file) == ("file", "defs.yaml")


def test_a_change_says_each_field_as_it_is_and_as_the_file_has_it(notebook: Notebook) -> None:
    notebook.apply(JOB)
    notebook.write("IntervalJob:\n  - {name: sync, service: api.x, hours: 2, extra: {a: 1}}\n")
    (change,) = notebook.applying.diff(notebook.path).changes
    assert str(change) == """~ IntervalJob 'sync': hours 1 -> 2, extra "" -> {"a": 1}"""
    notebook.write("CronJob:\n  - {name: sync, service: api.x, cron: 0 2 * * *}\n")
    (change,) = notebook.applying.diff(notebook.path).changes
    assert str(change) == "~ CronJob 'sync': kind IntervalJob -> CronJob"
    notebook.apply()
    assert type(notebook.wb.jobs["sync"].definition) is CronJob


def test_what_is_applied_lasts_over_a_restart_and_comes_back_once_its_service_is_live(notebook: Notebook) -> None:
    notebook.apply(WHOLE)
    notebook.open_again()
    assert not notebook.wb.channels
    said = notebook.cell(lambda: None, X)
    assert any("Channel 'api.x' was set from defs.yaml on " in each for each in said)
    assert notebook.wb.call("GET /api/x", user="ada").status == 200
    assert notebook.diff() == ["unchanged ada", "unchanged api.x", "unchanged nightly"]


def test_what_a_cell_defines_stays_the_cells_and_that_is_said(notebook: Notebook) -> None:
    notebook.cell(lambda: notebook.wb.define(RESTChannel("api.x", limit="5/m")))
    notebook.write("RESTChannel:\n  - {name: api.x, limit: 9/m}\n" + JOB)
    changes = notebook.applying.apply(notebook.path).changes
    assert notebook.words(changes) == ["stays api.x", "new sync"]
    assert str(changes[0]) == (
        """! RESTChannel 'api.x' stays as this notebook, cell [3] has it: limit "5/m" -> "9/m". """
        "Fix: change it there, or take it out of the file."
    )
    assert notebook.wb.channels["api.x"].definition.limit == "5/m"
    assert notebook.diff() == ["stays api.x", "unchanged sync"]


def test_a_cells_definition_that_the_file_says_alike_stays_the_cells(notebook: Notebook) -> None:
    notebook.cell(lambda: notebook.wb.define(RESTChannel("api.x", limit="5/m")))
    assert notebook.apply("RESTChannel:\n  - {name: api.x, limit: 5/m}\n") == ["unchanged api.x"]
    assert "channel api.x" not in notebook.wb.clicked
    assert notebook.apply("", prune=True) == []
    assert "api.x" in notebook.wb.channels


def test_what_a_click_changed_of_a_cells_is_still_the_cells(notebook: Notebook) -> None:
    notebook.cell(lambda: notebook.wb.define(RESTChannel("api.x", limit="5/m")))
    was = notebook.wb.origin_of(notebook.wb.channels["api.x"].definition)
    assert was is not None
    notebook.wb.drafting.define([RESTChannel("api.x", limit="6/m")], origin=was.by_form())
    assert notebook.apply("RESTChannel:\n  - {name: api.x, limit: 9/m}\n") == ["stays api.x"]


def test_a_cell_that_defines_the_same_later_has_the_last_word(notebook: Notebook) -> None:
    notebook.apply(JOB)
    said = notebook.cell(lambda: notebook.wb.define(IntervalJob("sync", service="api.x", hours=5)))
    assert any("The cell has the last word" in each for each in said)
    assert (notebook.wb.jobs["sync"].definition.hours, list(notebook.wb.clicked)) == (5, [])
    assert notebook.diff() == ["stays sync"]


def test_a_file_takes_over_what_a_click_made_and_a_click_what_a_file_made(notebook: Notebook) -> None:
    form = Origin("form", cell_id="c0ffee")
    notebook.wb.drafting.define([IntervalJob("sync", service="api.x", hours=1)], origin=form)
    assert notebook.apply(JOB) == ["unchanged sync"]
    assert notebook.wb.clicked["job sync"].origin == Origin("file", file="defs.yaml", applied=True)
    notebook.wb.drafting.define([IntervalJob("sync", service="api.x", hours=4)], origin=form)
    assert notebook.apply() == ["changed sync"]
    assert notebook.apply("", prune=True) == ["removed sync"]
    assert (list(notebook.wb.jobs), list(notebook.wb.clicked)) == ([], [])


def test_nothing_is_removed_but_by_prune_and_then_only_what_this_file_had(notebook: Notebook) -> None:
    notebook.apply(WHOLE)
    other = notebook.folder / "other.yaml"
    other.write_text(JOB)
    notebook.applying.apply(other)
    notebook.wb.define(Cache("mine"))
    assert notebook.apply("CronJob:\n  - {name: nightly, service: api.x, cron: 0 2 * * *}\n") == [
        *("unchanged nightly", "gone ada", "gone api.x")
    ]
    assert sorted(notebook.wb.jobs) == ["nightly", "sync"]
    assert "api.x" in notebook.wb.channels
    assert notebook.apply(prune=True) == ["unchanged nightly", "removed ada", "removed api.x"]
    assert (list(notebook.wb.channels), list(notebook.wb.users)) == ([], [])
    assert (sorted(notebook.wb.jobs), "mine" in notebook.wb.caches) == (["nightly", "sync"], True)
    notebook.open_again()
    notebook.cell(lambda: None, X)
    assert (list(notebook.wb.channels), sorted(notebook.wb.jobs)) == ([], ["nightly", "sync"])


def test_prune_leaves_what_others_still_name_and_says_so(notebook: Notebook) -> None:
    notebook.apply('BasicAuth:\n  - {name: ada, password: "${ADA_PASSWORD}"}\n')
    notebook.wb.define(RESTChannel("api.x", security="ada"))
    with pytest.raises(
        WorkbenchError, match="The file is applied, but not all that it lacks is removed.*still used by"
    ):
        notebook.apply(JOB, prune=True)
    assert ("ada" in notebook.wb.users, "sync" in notebook.wb.jobs) == (True, True)


def test_a_name_that_is_nowhere_is_said_with_its_line_and_nothing_is_applied(notebook: Notebook) -> None:
    notebook.write("RESTChannel:\n  - name: a\n    service: api.y\n    security: bob\n" + JOB)
    with pytest.raises(WrongManifest) as caught:
        notebook.apply()
    service, user = str(caught.value).splitlines()
    assert service.startswith(
        "defs.yaml:3: REST 'a' names the service 'api.y', which does not exist; there are: api.x."
    )
    assert service.endswith("Did you mean 'api.x'? Fix: deploy or define it first, or correct service.")
    assert user.startswith("defs.yaml:4: REST 'a' names the security definition 'bob'")
    assert (list(notebook.wb.channels), list(notebook.wb.jobs), list(notebook.wb.clicked)) == ([], [], [])


def test_a_file_that_cannot_be_applied_whole_is_not_applied_and_not_kept(notebook: Notebook) -> None:
    notebook.apply(JOB)
    twice = "RESTChannel:\n  - {name: a, service: api.x, path: /one}\n  - {name: b, service: api.x, path: /one}\n"
    with pytest.raises(PathTaken):
        notebook.apply(JOB.replace("hours: 1", "hours: 3") + "Cache:\n  - name: c\n" + twice)
    assert list(notebook.wb.clicked) == ["job sync"]
    notebook.open_again()
    notebook.cell(lambda: None, X)
    assert (list(notebook.wb.channels), list(notebook.wb.caches)) == ([], ["default"])
    assert notebook.wb.jobs["sync"].definition.hours == 1


def test_a_variable_comes_from_the_environment_of_the_workbench_or_its_env_file(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    (notebook.folder / ".env").write_text("DATA_HOST=from-file.example.com\n")
    text = "RESTConnection:\n  - {name: data, host: 'https://${DATA_HOST}'}\n"
    notebook.apply(text)
    assert notebook.wb.connections["data"].definition.host == "https://from-file.example.com"
    monkeypatch.setenv("DATA_HOST", "environment.example.com")
    assert notebook.diff() == ["changed data"]


def test_one_definition_of_the_command_line_is_kept_and_gives_way_like_a_click(notebook: Notebook) -> None:
    (change,) = notebook.applying.define("RESTChannel", "a", {"service": "api.x", "method": "[GET, POST]"})
    assert str(change) == "+ RESTChannel 'a'"
    assert notebook.wb.channels["a"].definition == RESTChannel("a", service="api.x", method=("GET", "POST"))
    assert notebook.apply(JOB, prune=True) == ["new sync"]
    notebook.open_again()
    notebook.cell(lambda: None, X)
    assert sorted(notebook.wb.clicked) == ["channel a", "job sync"]
    with pytest.raises(
        WrongManifest, match=r"workbench define: limt of RESTChannel 'a' is not a field. Fix: write limit."
    ):
        notebook.applying.define("RESTChannel", "a", {"limt": "5"})
    notebook.applying.define("CronJob", "often", {"service": "api.x", "cron": "*/5 * * * *"})
    notebook.applying.define("Limit", "api.x", {"on": "service", "lines": "* = 5/m"})
    assert notebook.wb.jobs["often"].definition.cron == "*/5 * * * *"
    assert notebook.wb.limits["service api.x"].lines == "* = 5/m"
    with pytest.raises(WrongManifest, match="workbench define: the key 'name' is there twice, first as 'a'. Fix: "):
        notebook.applying.define("RESTChannel", "a", {"service": "api.x", "name": "b"})
    with pytest.raises(WrongManifest, match="workbench define, method:.* the file is no YAML here"):
        notebook.applying.define("RESTChannel", "a", {"method": "[GET"})


def test_a_file_that_code_loads_is_the_files_and_not_kept(notebook: Notebook) -> None:
    notebook.write(JOB)
    notebook.wb.load(notebook.path)
    assert (notebook.wb.jobs["sync"].definition.hours, list(notebook.wb.clicked)) == (1, [])
    with pytest.raises(NameTaken, match=r"defs\.yaml"):
        notebook.wb.define(IntervalJob("sync", service="api.x", hours=2))
    notebook.write(JOB.replace("1", "3"))
    notebook.wb.load(notebook.path)
    assert notebook.wb.jobs["sync"].definition.hours == 3
    notebook.write("Nope: []")
    with pytest.raises(WrongManifest, match=r"defs\.yaml:1: 'Nope' is no kind"):
        notebook.wb.load(notebook.path)


def test_a_file_of_enmasse_is_loaded_and_what_has_no_meaning_here_is_told(notebook: Notebook) -> None:
    notebook.write(
        "scheduler:\n  - {name: j, service: api.x, job_type: interval_based, hours: 1}\npubsub_topic: [{name: t}]\n"
    )
    told = notebook.wb.load(notebook.path).said
    assert [each.partition(":")[2][:14] for each in told] == ["2: scheduler '", "3: pubsub_topi"]
    assert notebook.wb.jobs["j"].definition.active


def test_a_file_that_a_cell_loads_may_name_the_cells_own_service_and_goes_with_a_failing_cell(
    notebook: Notebook,
) -> None:
    class Y(Service):
        name = "api.y"

        def handle(self) -> str:
            return "y"

    notebook.write("RESTChannel:\n  - {name: y, service: api.y}\nCache:\n  - {name: c}\n")

    def fails() -> None:
        notebook.wb.load(notebook.path)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        notebook.cell(fails, Y)
    assert (list(notebook.wb.channels), list(notebook.wb.caches)) == ([], ["default"])
    notebook.cell(lambda: notebook.wb.load(notebook.path), Y)
    assert notebook.wb.call("GET /y").text.strip('"') == "y"


def test_what_is_exported_is_the_same_when_it_is_applied_elsewhere(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOB_KEY", "canary-of-bob")
    notebook.apply(WHOLE)
    notebook.wb.define(
        APIKey("bob", key=secret("BOB_KEY")),
        Limit("api.x", on="service", lines="* = 5/m"),
        RESTConnection("data", host="https://example.com", headers={"X-Key": secret("BOB_KEY"), "Accept": "a/b"}),
    )
    text = notebook.wb.export()
    assert text.startswith("# Definitions of shop.ipynb\n")
    assert "canary" not in text
    (tmp_path / "elsewhere").mkdir()
    other = Notebook(tmp_path / "elsewhere")
    other.cell(lambda: None, X)
    words = other.apply(text)
    assert len(words) == 6
    assert {each.partition(" ")[0] for each in words} == {"new"}
    assert other.wb.export() == text
    other.close()


def test_a_secret_that_was_given_as_plain_text_is_exported_by_a_name_to_set(notebook: Notebook) -> None:
    with pytest.warns(PlainSecretWarning):
        notebook.wb.define(BasicAuth("my.user", password="canary-in-plain-text"))
    text, said = notebook.applying.export("a notebook")
    assert "password: ${MY_USER_PASSWORD}" in text
    assert said == [
        "password of Basic Auth 'my.user' was given as plain text. Fix: set MY_USER_PASSWORD where the file is applied."
    ]
    assert "canary" not in text
    assert text.startswith(f"# a notebook\n# {said[0]}\n\nBasicAuth:\n")
    assert notebook.wb.export().startswith(f"# Definitions of shop.ipynb\n# {said[0]}\n\nBasicAuth:\n")


def test_secrets_that_were_given_as_plain_text_are_never_exported_by_one_name(notebook: Notebook) -> None:
    with pytest.warns(PlainSecretWarning):
        notebook.wb.define(
            BasicAuth("my.user", password="canary-of-one"),
            BasicAuth("my_user", password="canary-of-two"),
            FTPConnection("my-user", host="example.com", password="canary-of-three", username="x"),
        )
    text, said = notebook.applying.export("a notebook")
    names = ["MY_USER_PASSWORD", "MY_USER_PASSWORD_2", "MY_USER_PASSWORD_3"]
    assert [each.partition("Fix: set ")[2] for each in said] == [f"{each} where the file is applied." for each in names]
    assert [text.count(f"${{{each}}}") for each in names] == [1, 1, 1]


def test_a_secret_that_was_given_as_plain_text_is_not_exported_by_the_name_of_another(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_PASSWORD", "canary-of-b")
    with pytest.warns(PlainSecretWarning):
        notebook.wb.define(
            BasicAuth("a", password="canary-of-a"),
            BasicAuth("b", password=secret("A_PASSWORD")),
        )
    text, said = notebook.applying.export("a notebook")
    assert [each.partition("Fix: ")[2] for each in said] == ["set A_PASSWORD_2 where the file is applied."]
    assert "- name: a\n  password: ${A_PASSWORD_2}\n" in text
    assert "- name: b\n  password: ${A_PASSWORD}\n" in text


def test_a_thousand_definitions_are_compared_within_a_second(notebook: Notebook) -> None:
    text = "IntervalJob:\n" + "".join(
        f"  - name: job {i}\n    service: api.x\n    hours: 1\n    extra: hello {i}\n" for i in range(1000)
    )
    notebook.apply(text)
    notebook.write(text.replace("hello 7\n", "hello there\n"))
    spent = []
    for _ in range(3):
        # Of this thread alone: the workbench's own have a thousand new jobs to plan.
        begin = time.thread_time()
        changes = notebook.diff()
        spent.append(time.thread_time() - begin)
    assert min(spent) < 1.0
    assert [each for each in changes if not each.startswith("unchanged")] == ["changed job 7"]
