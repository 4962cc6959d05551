"""Kinds of connections: the built-in ones, those of other distributions, and those written in a cell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from msgspec import Meta

from tests.kernels import ROOT
from workbench.app.workbench import Workbench
from workbench.connections import catalog
from workbench.connections.coming import COMING
from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.connections.rest.definition import RESTConnection
from workbench.connections.rest.live import LiveREST
from workbench.core.errors import ConnectionFailed, InvalidDefinition, NotYet, ServiceUsage, UnknownName
from workbench.core.service import Service
from workbench.sandbox.catalog import NoPeer

SOURCE = Path(__file__).with_name("tides")
"""The distribution that brings kinds and peers of its own."""


class Weather(ConnectionDefinition, tag="weather", frozen=True, kw_only=True):
    """A weather station."""

    kind: ClassVar[str] = "Weather"
    attributes: ClassVar[dict[str, str]] = {"out.weather": "conn"}
    peer: ClassVar[str] = "rest"

    host: Annotated[str, Meta(description="Its address.")]

    def open(self, opening: Opening) -> Station:
        return Station(RESTConnection(self.name, host=self.host, path="/now"), opening)


class Station:
    def __init__(self, definition: RESTConnection, opening: Opening) -> None:
        self._rest = LiveREST(definition, opening)

    def degrees(self, town: str) -> float:
        return float(self._rest.get("", {"town": town}).data["degrees"])


class Report(Service):
    name = "api.report"

    def handle(self) -> float:
        degrees: float = self.out.weather["Roof"].degrees("Kraków")
        return degrees


def test_a_class_of_a_cell_is_a_kind_once_it_is_defined(tmp_path: Path) -> None:
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.deploy(Report)
        wb.define(Weather("Roof", host="https://weather.example.com"))
        wb.sandbox()
        peer: Any = wb.peers["Roof"]
        peer.reply("/now", json={"degrees": -3.5})
        assert wb.invoke("api.report") == -3.5
        assert repr(wb.connections["Roof"]) == "Weather 'Roof'"
        with pytest.raises(ServiceUsage, match=r"Weather 'Roof' has no ping. Fix: write def ping"):
            wb.connections["Roof"].ping()
        wb.connections.remove("Roof")
        with pytest.raises(UnknownName, match=r"No Weather connection is named 'Roof'.*Fix: wb.define\(Weather\("):
            wb.invoke("api.report")


def test_a_class_that_was_changed_takes_its_own_place(tmp_path: Path) -> None:
    def made(said: str) -> type[ConnectionDefinition]:
        class Echo(ConnectionDefinition, tag="echo", frozen=True, kw_only=True):
            """Says the same."""

            kind = "Echo"
            attributes = {"out.echo": "item"}  # noqa: RUF012

            def open(self, opening: Opening) -> str:
                return said

        return Echo

    with Workbench(port=0, folder=tmp_path) as wb:
        for said in ("first", "second"):
            wb.define(made(said)("e"))
            assert wb.connections["e"].conn == said
        wb.sandbox()
        with pytest.raises(NoPeer, match="Echo 'e' has no peer"):
            _ = wb.connections["e"].conn


def test_a_class_that_cannot_be_a_kind_says_what_is_missing(tmp_path: Path) -> None:
    class Bare(ConnectionDefinition, frozen=True, kw_only=True):
        kind = "Bare"

    class Other(ConnectionDefinition, tag="rest", frozen=True, kw_only=True):
        kind = "Other"
        attributes = {"out.sql": "conn", "somewhere": "conn"}  # noqa: RUF012

    with Workbench(port=0, folder=tmp_path) as wb:
        with pytest.raises(ServiceUsage, match=r"Bare is no kind of connection yet: it needs a tag, as class Bare"):
            wb.define(Bare("b"))
        with pytest.raises(ServiceUsage) as refused:
            wb.define(Other("o"))
        assert str(refused.value) == (
            "Other is no kind of connection yet: the tag 'rest' is that of RESTConnection; self.out.sql leads to "
            "SQLConnection already; a service finds it at self.somewhere, which must begin with out, email, cloud. "
            "Fix: correct the class."
        )
        assert dict(wb.connections) == {}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution beside this file, where pip has put it."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--quiet", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(SOURCE)], check=True, timeout=50)
    return folder


def told(code: str, *paths: Path, cwd: Path) -> tuple[str, str]:
    """What a process of its own says and complains, with more on its path."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={"PYTHONPATH": ":".join(map(str, (*paths, ROOT))), "PATH": "", "HOME": str(cwd)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    return done.stdout, done.stderr


USES_TIDES = """
from tides import TidesConnection
from workbench import Workbench, Service

class Read(Service):
    name = "api.read"
    def handle(self):
        return self.out.tides["Sopot"].level()

with Workbench(port=0) as wb:
    wb.deploy(Read)
    wb.define(TidesConnection("Sopot", host="https://tides.example.com"))
    wb.sandbox()
    wb.peers["Sopot"].reply("/level", json={"level": 5.25})
    print(wb.invoke("api.read"), wb.connections["Sopot"], wb.peers["Sopot"])
"""


def test_another_distribution_adds_a_kind_and_its_peer(installed: Path, tmp_path: Path) -> None:
    assert told(USES_TIDES, installed, cwd=tmp_path) == ("5.25 Tides 'Sopot' Sea 'Sopot'\n", "")


def test_a_kind_that_keeps_files_is_a_folder_and_a_row_and_so_is_its_peer(installed: Path) -> None:
    """The suite that every storage goes through takes it up by its row alone; nothing else of ours names it."""
    suite = "tests/connections/suites/test_every_storage.py"
    options = ["-q", "-p", "no:cacheprovider", "-p", "examples", "-k", "locker"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", suite, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ":".join(map(str, (installed, SOURCE, ROOT)))},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^\d\d passed, \d+ deselected", done.stdout.splitlines()[-1]), done.stdout


USES_LOCKER = """
from workbench import Workbench
from workbench.connections.files.errors import StorageFull
from locker.definition import LockerConnection

with Workbench(port=0) as wb:
    wb.define(LockerConnection("Pier 3", host="locker.example.com", retries=0))
    wb.sandbox()
    wb.peers["Pier 3"].put("in/a.txt", "wet")
    files = wb.connections["Pier 3"].conn
    print([info.path for info in files.list("in")], files.read("in/a.txt"), wb.peers["Pier 3"])
    with wb.peers["Pier 3"].fail(full=True):
        try:
            files.write("b.txt", b"more")
        except StorageFull as exc:
            print(exc)
    print(dict(wb.peers["Pier 3"].files))
"""


def test_a_peer_of_another_distribution_has_faults_of_its_own(installed: Path, tmp_path: Path) -> None:
    said, complained = told(USES_LOCKER, installed, cwd=tmp_path)
    assert complained == ""
    first, refusal, last = said.splitlines()
    assert first == "['in/a.txt'] b'wet' Locker 'Pier 3'"
    part = r"'\.b\.txt\.[0-9a-f]{8}\.part'"
    assert re.fullmatch(rf"Locker 'Pier 3' has no room for {part}\. Fix: make room there\.", refusal)
    assert last == "{'in/a.txt': b'wet'}"


def bring(folder: Path, name: str, entry: str, code: str) -> None:
    """A distribution as an installer leaves it on the path, with one kind and one peer."""
    folder.joinpath(f"{name}.py").write_text(code)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = (f"[workbench.{group}]\n{entry}\n" for group in ("connections", "peers"))
    info.joinpath("entry_points.txt").write_text("".join(points))


@pytest.mark.parametrize(
    ("entry", "code", "why"),
    [
        ("broken = broken:Gone", "import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be"),
        ("broken = broken:Gone", "x = 1", "AttributeError: module 'broken' has no attribute 'Gone'"),
        ("broken = broken:x", "x = 1", "broken:x is no ConnectionDefinition"),
        (
            "broken = broken:C",
            "from workbench.connections.ftp.definition import FTPConnection as C",
            "its tag is 'ftp'",
        ),
        (
            "ftp = broken:C",
            "from workbench.connections.ftp.definition import FTPConnection as C",
            "there is a kind 'ftp' already",
        ),
    ],
    ids=["import", "attribute", "class", "tag", "taken"],
)
def test_a_distribution_that_cannot_be_used_is_named_and_left_out(
    installed: Path, tmp_path: Path, entry: str, code: str, why: str
) -> None:
    bring(tmp_path, "broken", entry, code)
    kind = entry.split()[0]
    said, complained = told(USES_TIDES, tmp_path, installed, cwd=tmp_path)
    assert said == "5.25 Tides 'Sopot' Sea 'Sopot'\n"
    begin = f"KindLeftOut: Kind of connection {kind!r}, which the distribution broken brings, cannot be used: {why}"
    assert complained.count("Warning") + complained.count("KindLeftOut: ") == 1
    assert begin in complained
    assert "Fix: pip install --upgrade broken, or pip uninstall broken\n" in complained


def test_a_kind_or_peer_that_cannot_be_used_says_so_when_it_is_asked_for(tmp_path: Path) -> None:
    bring(tmp_path, "broken", "broken = broken:Gone", "import nowhere_to_be_found")
    code = """
import warnings
warnings.simplefilter("ignore")
from workbench.connections import catalog
from workbench.core.errors import BrokenExtension
from workbench.sandbox.catalog import peer_class

for ask in (catalog.definition_class, peer_class):
    try:
        ask("broken")
    except BrokenExtension as exc:
        print(exc)
"""
    said, complained = told(code, tmp_path, cwd=tmp_path)
    assert complained == ""
    assert [line.partition(" ")[0] for line in said.splitlines()] == ["Kind", "Peer"]
    assert all("distribution broken brings, cannot be used: ModuleNotFoundError" in each for each in said.splitlines())


class Asking(Service):
    name = "api.asking"

    def handle(self) -> Any:
        return getattr(self.cloud if self.request.payload == "azure" else self.out, str(self.request.payload))


@pytest.mark.parametrize("kind", COMING)
def test_a_kind_that_is_to_come_says_so_wherever_it_is_asked_for(kind: str, tmp_path: Path) -> None:
    label, cls, package = COMING[kind]
    said = rf"^{label} connections come later. Fix: until then, .*\(pip install {package}\).*05-your-own-connector"
    with Workbench(port=0, folder=tmp_path, store="memory://") as wb:
        wb.deploy(Asking)
        for ask in (
            lambda: __import__("workbench", fromlist=[cls]),
            lambda: catalog.definition_class(kind),
            lambda: wb.peers.start(kind),
            lambda: wb.invoke("api.asking", kind),
        ):
            with pytest.raises(NotYet, match=said):
                ask()
    assert kind not in catalog.rows()


def test_errors_of_a_custom_definition_are_those_of_any_other() -> None:
    with pytest.raises(InvalidDefinition, match="hots is not a field; did you mean 'host'"):
        Weather("w", hots="x")  # type: ignore[call-arg]
    with pytest.raises(ConnectionFailed):
        Weather("w", host="http://127.0.0.1:9").open(Opening(lambda secret, owner: "", None)).degrees("x")  # type: ignore[arg-type]
