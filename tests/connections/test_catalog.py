"""Kinds of connections: the built-in ones, those of other distributions, and those written in a cell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from msgspec import Meta

from workbench.app.workbench import Workbench
from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.connections.rest import RESTClient, RESTConnection
from workbench.core.errors import ConnectionFailed, InvalidDefinition, ServiceUsage, UnknownName
from workbench.core.service import Service
from workbench.sandbox.catalog import NoPeer


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
        self._rest = RESTClient(definition, opening)

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
        with pytest.raises(ServiceUsage, match=r"Weather 'Roof' has no ping. Mend: write def ping"):
            wb.connections["Roof"].ping()
        wb.connections.remove("Roof")
        with pytest.raises(UnknownName, match=r"No Weather connection is named 'Roof'.*Mend: wb.define\(Weather\("):
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
            "SQLConnection already; a service finds it at self.somewhere, which must begin with out, email, cloud."
        )
        assert dict(wb.connections) == {}


def test_another_distribution_adds_a_kind_and_its_peer(tmp_path: Path) -> None:
    """It is not installed here: what an installer would leave on the path is written by hand."""
    (tmp_path / "tides.py").write_text(
        '''
from workbench.connections.definition import ConnectionDefinition
from workbench.sandbox.http_source import HTTPSource

class TidesConnection(ConnectionDefinition, tag="tides", frozen=True, kw_only=True):
    """A tide gauge."""
    kind = "Tides"
    attributes = {"out.tides": "conn"}
    host: str

    def open(self, opening):
        return self.host

class Sea(HTTPSource):
    kind, label = "tides", "Sea"
'''
    )
    info = tmp_path / "tides-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tides\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[workbench.connections]\ntides = tides:TidesConnection\n[workbench.peers]\ntides = tides:Sea\n"
    )
    code = """
from tides import TidesConnection
from workbench import Workbench, Service

class Read(Service):
    name = "api.read"
    def handle(self):
        return self.out.tides["Sopot"]

with Workbench(port=0) as wb:
    wb.deploy(Read)
    wb.define(TidesConnection("Sopot", host="https://tides.example.com"))
    print(wb.invoke("api.read"))
    wb.sandbox()
    print(wb.invoke("api.read").startswith("http://127.0.0.1:"), wb.peers["Sopot"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{Path.cwd()}", "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (done.stdout, done.stderr) == ("https://tides.example.com\nTrue Sea 'Sopot'\n", "")


def test_errors_of_a_custom_definition_are_those_of_any_other() -> None:
    with pytest.raises(InvalidDefinition, match="hots is not a field; did you mean 'host'"):
        Weather("w", hots="x")  # type: ignore[call-arg]
    with pytest.raises(ConnectionFailed):
        Weather("w", host="http://127.0.0.1:9").open(Opening(lambda secret, owner: "", None)).degrees("x")  # type: ignore[arg-type]
