"""`wb.settings`: what is set, by whom, and how to set it; README.md tells each."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels import ROOT
from workbench.app import singleton
from workbench.app.configuration.bounds import Bounds
from workbench.app.configuration.preferences import preferences_file
from workbench.app.configuration.settings import SETTINGS
from workbench.app.workbench import Workbench
from workbench.core.errors import UnknownName, WorkbenchError
from workbench.core.secret import CRYPTO_KEY


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook's folder, and a user without preferences."""
    for each in SETTINGS:
        monkeypatch.delenv(each.variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "shop.ipynb"))
    return folder


@pytest.fixture
def ours() -> Iterator[Workbench]:
    """The workbench of this process, made anew."""
    singleton.forget()
    yield singleton.the_workbench()
    singleton.forget()


def found(wb: Workbench) -> dict[str, tuple[str, str]]:
    """Value and source of each setting that is not at its default."""
    return {name: (value, came) for name, value, came, *_ in wb.settings.rows() if came != "default"}


def test_without_anything_set_all_are_defaults(ours: Workbench, folder: Path) -> None:
    assert found(ours) == {}
    assert (ours.settings.timezone, ours.settings.port, ours.settings.store) == (
        "UTC",
        "the one it had, at first 11223",
        "sqlite:///.workbench/store.db",
    )
    assert (ours.app, ours.folder) == ("shop.ipynb", folder)


def test_the_environment_wins_over_the_file_and_each_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text(
        "WORKBENCH_PORT=0\nWORKBENCH_HOSTS=a.example,b.example\n"
        "WORKBENCH_REDIS=redis://:hunter2-canary@localhost:1/0\nOTHER=1\n"
    )
    monkeypatch.setenv("WORKBENCH_HOSTS", "c.example")
    monkeypatch.setenv("WORKBENCH_STORE", "memory://")
    singleton.forget()
    wb = singleton.the_workbench()
    try:
        assert found(wb) == {
            "port": ("0", ".env"),
            "hosts": ("c.example", "environment"),
            "store": ("memory://", "environment"),
            "redis": ("redis://:***@localhost:1/0", ".env"),
        }
        assert wb.start().startswith("http://localhost:")
        assert "hunter2-canary" not in repr(wb.settings)
    finally:
        singleton.forget()
    assert "WORKBENCH_PORT" not in os.environ
    assert os.environ["WORKBENCH_HOSTS"] == "c.example"


def test_a_time_zone_is_kept_for_the_user_and_a_wrong_one_refused(ours: Workbench) -> None:
    ours.settings.timezone = "Europe/Warsaw"
    assert found(ours) == {"timezone": ("Europe/Warsaw", "you")}
    assert json.loads(preferences_file().read_text()) == {"timezone": "Europe/Warsaw"}
    with Workbench() as other:
        assert other.settings.timezone == "Europe/Warsaw"
    with pytest.raises(WorkbenchError, match="The time zone 'Warsaw' is not a known time zone; did you mean"):
        ours.settings.timezone = "Warsaw"
    ours.settings.timezone = ""
    assert ours.settings.timezone == "UTC"
    preferences_file().write_text("no json")
    with pytest.raises(WorkbenchError, match=r"settings\.json cannot be read: .* Fix: mend or remove it"):
        repr(ours.settings)


def test_what_the_environment_says_of_the_time_zone_comes_first(
    ours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.settings.timezone = "Europe/Warsaw"
    monkeypatch.setenv("WORKBENCH_TIMEZONE", "Asia/Tokyo")
    assert found(ours) == {"timezone": ("Asia/Tokyo", "environment")}


def test_others_say_how_they_are_set_and_unknown_ones_what_there_is(ours: Workbench) -> None:
    now = r"Or for this run: wb\.stop\(\); wb\.start\(port=7\)"
    with pytest.raises(
        WorkbenchError,
        match=rf"Fix: set WORKBENCH_PORT in the environment, in \.env or in workbench\.toml, and restart\. {now}",
    ):
        ours.settings.port = 7
    with pytest.raises(UnknownName, match="Did you mean 'timezone'"):
        ours.settings.timezon = "UTC"
    assert not hasattr(ours.settings, "nothing")
    assert dir(ours.settings) == sorted(each.name for each in SETTINGS)


def test_a_workbench_of_a_script_says_its_arguments() -> None:
    with Workbench(port=0, hosts="a.example", sandbox=True, threads=7) as wb:
        assert found(wb) == {
            "port": ("0", "argument"),
            "hosts": ("a.example", "argument"),
            "sandbox": ("1", "argument"),
            "threads": ("7", "argument"),
        }
        assert wb.settings.store == "memory://"
        assert wb.peers.on


def test_each_says_what_it_would_be_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_THREADS", "7")
    wb = singleton.the_workbench()
    without = {each.setting: each.default for each in wb.settings.rows()}
    assert (wb.settings.threads, without["threads"]) == ("7", str(Bounds().threads))
    assert without == {each.name: each.default for each in SETTINGS}


def test_it_is_a_table_whose_text_is_the_same_everywhere(ours: Workbench) -> None:
    head, *rows = repr(ours.settings).splitlines()
    assert head.split() == ["setting", "value", "from", "default", "what"]
    assert [row.split()[0] for row in rows] == [each.name for each in SETTINGS]
    assert str(ours.folder) not in repr(ours.settings)


def test_a_sandbox_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_SANDBOX", "perhaps")
    singleton.forget()
    with pytest.raises(WorkbenchError, match="WORKBENCH_SANDBOX is 'perhaps'. Fix: 1 for peers"):
        singleton.the_workbench()


def test_the_readme_tells_every_variable_that_the_code_knows() -> None:
    named = {
        name
        for path in (ROOT / "workbench").rglob("*.py")
        for name in re.findall(r"WORKBENCH_[A-Z_]+[A-Z]", path.read_text())
    }
    own = {each.variable: each.default for each in SETTINGS if each.name not in Bounds.__struct_fields__}
    # Nobody sets the first two: the kernel's specification does, and `workbench test --live`. The third is a secret.
    named -= {"WORKBENCH_KERNEL", "WORKBENCH_CASSETTES", CRYPTO_KEY}
    assert own.keys() <= named <= {each.variable for each in SETTINGS}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"secret `{CRYPTO_KEY}`" in readme
    rows = dict(re.findall(r"^\| `(WORKBENCH_[A-Z_]+)` \| `?([^|`]*)`? \|", readme, re.MULTILINE))
    assert rows == own
