"""The contracts of the floors refuse what they are there to refuse."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.kernels import ROOT
from tests.project.contracts import Independent, OnlyImporters, ThirdParty

ROOMS = (
    "cli",
    "notebook",
    "ui",
    "testing",
    "zato",
    "app",
    "sandbox",
    "runtime",
    "scheduler",
    "channels",
    "durable",
    "stores",
    "connections",
    "transfer",
    "core",
)


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project under our contracts whose rooms are all empty."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "tests" / "project", tmp_path / "tests" / "project")
    for room in ROOMS:
        (tmp_path / "workbench" / room).mkdir(parents=True)
    for folder in [tmp_path / "tests", tmp_path / "workbench", *(tmp_path / "workbench").iterdir()]:
        (folder / "__init__.py").touch()
    return tmp_path


def test_empty_rooms_pass(tree: Path) -> None:
    run = lint(tree)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("where", "imported", "contract"),
    [
        ("core", "workbench.app", "Rooms and floors"),
        ("runtime", "workbench.channels", "Rooms and floors"),
        ("app", "workbench.notebook", "Rooms and floors"),
        ("sandbox", "workbench.app", "Rooms and floors"),
        ("durable", "workbench.scheduler", "Rooms and floors"),
        ("stores", "workbench.durable", "Rooms and floors"),
        ("zato", "workbench.testing", "Rooms and floors"),
        ("transfer", "workbench.app", "Rooms and floors"),
        ("transfer", "workbench.sandbox", "Rooms and floors"),
        ("sandbox", "workbench.transfer", "Rooms and floors"),
        ("scheduler", "workbench.connections", "Rooms and floors"),
        ("runtime", "tornado.web", "Only the HTTP channel knows Tornado"),
        ("channels", "tornado.ioloop", "Only the HTTP channel knows Tornado"),
        ("app", "apscheduler.schedulers", "Only the scheduler knows APScheduler"),
        ("app", "IPython", "Nothing below the ui floor knows IPython or widgets"),
        ("core", "requests", "The core knows no third party but msgspec"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(tree: Path, where: str, imported: str, contract: str) -> None:
    # Inside a function, for a lazy import is an import too.
    (tree / "workbench" / where / "odd.py").write_text(f"def lazy():\n    import {imported}\n")
    run = lint(tree)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"{contract} BROKEN" in run.stdout


@pytest.mark.parametrize(
    ("where", "imported"),
    [
        ("channels/http", "tornado.httputil"),
        ("scheduler/alarm", "apscheduler.schedulers"),
        ("notebook/extension", "IPython"),
        ("core/definition", "msgspec"),
        ("cli/main", "workbench.notebook"),
        ("app/parts", "workbench.transfer"),
        ("transfer/claims", "workbench.durable"),
        ("scheduler/engine", "workbench.durable"),
        ("durable/presence", "workbench.stores"),
        ("scheduler/runner", "workbench.durable"),
        ("durable/leases", "workbench.stores"),
    ],
)
def test_an_allowed_import_passes(tree: Path, where: str, imported: str) -> None:
    (tree / "workbench" / f"{where}.py").write_text(f"import {imported}\n")
    run = lint(tree)
    assert run.returncode == 0, run.stdout + run.stderr


def put(tree: Path, room: str, files: dict[str, str]) -> None:
    """Files of a room by path, each with what it imports from that room."""
    for path, imported in files.items():
        file = tree / "workbench" / room / path
        file.parent.mkdir(exist_ok=True)
        (file.parent / "__init__.py").touch()
        file.write_text(f"import workbench.{room}.{imported}\n" if imported else "")


@pytest.mark.parametrize(
    ("room", "files", "contract"),
    [
        ("connections", {"ftp/a.py": "", "tides/b.py": "ftp.a"}, "Kinds of connections do not know each other"),
        ("connections", {"sql.py": "", "tides/b.py": "sql"}, "Kinds of connections do not know each other"),
        ("connections", {"ftp/a.py": "", "files/live.py": "ftp.a"}, "Kinds of connections do not know each other"),
        ("sandbox", {"ftp/a.py": "", "tides/b.py": "ftp.a"}, "Kinds of peers do not know each other"),
        ("sandbox", {"ftp/a.py": "", "network/wire.py": "ftp.a"}, "Kinds of peers do not know each other"),
        ("connections", {"tides/definition.py": "tides.live", "tides/live.py": ""}, "reads from its definition on"),
        ("connections", {"tides/transfer.py": "tides.backend", "tides/backend.py": ""}, "reads from its definition on"),
        ("sandbox", {"tides/engine.py": "tides.server", "tides/server.py": ""}, "reads from its faults on"),
    ],
)
def test_a_kind_that_is_not_built_as_the_others_breaks_its_contract(
    tree: Path, room: str, files: dict[str, str], contract: str
) -> None:
    put(tree, room, files)
    run = lint(tree)
    assert run.returncode == 1, run.stdout + run.stderr
    assert f"{contract} BROKEN" in run.stdout
    assert "1 broken" in run.stdout


def test_a_kind_built_as_the_others_passes_without_a_line_of_its_own(tree: Path) -> None:
    words = {"errors": "definition", "account": "errors", "transfer": "account", "backend": "transfer"}
    files = {f"tides/{word}.py": f"tides.{imported}" for word, imported in words.items()}
    put(tree, "connections", {"files/live.py": "", "tides/definition.py": "", "tides/live.py": "files.live", **files})
    put(tree, "sandbox", {"peer.py": "", "tides/faults.py": "", "tides/server.py": "tides.faults", "gull.py": "peer"})
    run = lint(tree)
    assert run.returncode == 0, run.stdout + run.stderr


def test_an_exception_that_excepts_nothing_breaks_its_contract() -> None:
    options = {"room": "workbench.connections", "shared": ["files"], "exceptions": ["twilio -> rest"]}
    graph = graph_of(("workbench.connections.twilio", "workbench.connections.rest.live"))
    for module in ("workbench", "workbench.connections", "workbench.connections.rest"):
        graph.add_module(module)
    assert Independent("name", {}, options).check(graph, verbose=False).kept
    graph.remove_import(importer="workbench.connections.twilio", imported="workbench.connections.rest.live")
    lines = Independent("name", {}, options).check(graph, verbose=False).metadata["lines"]
    assert lines == ["the exception 'twilio -> rest' is no longer needed"]


def test_a_room_without_a_floor_is_refused(tree: Path) -> None:
    (tree / "workbench" / "attic").mkdir()
    (tree / "workbench" / "attic" / "__init__.py").touch()
    run = lint(tree)
    assert run.returncode == 1
    assert "attic" in run.stdout


def graph_of(*imports: tuple[str, str]) -> grimp.ImportGraph:
    graph = grimp.ImportGraph()
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported, line_number=3, line_contents=f"import {imported}")
    return graph


def test_a_broken_contract_names_importer_library_and_line() -> None:
    options = {"libraries": ["tornado"], "importers": ["workbench.channels.http*"]}
    contract = OnlyImporters("name", {}, options)
    graph = graph_of(("workbench.channels.http.wire", "tornado"), ("workbench.app.facade", "tornado"))
    assert contract.check(graph, verbose=False).metadata["lines"] == ["workbench.app.facade imports tornado (line 3)"]


def test_a_room_may_import_the_standard_library_and_its_own() -> None:
    contract = ThirdParty("name", {}, {"room": "workbench.core", "libraries": ["msgspec"]})
    graph = graph_of(
        ("workbench.core.a", "json"), ("workbench.core.a", "msgspec"), ("workbench.core.a", "workbench.core.b")
    )
    graph.add_module("workbench.core")
    assert contract.check(graph, verbose=False).kept
