"""Each bound of a workbench can be set by name, as a keyword or in the environment, and holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.serving import Wire
from workbench import RESTChannel, Service, Workbench
from workbench.app.configuration.bounds import Bounds, bounds_in, bounds_of
from workbench.app.singleton import forget, the_workbench
from workbench.core.errors import ServiceUsage, WorkbenchError


class Echo(Service):
    name = "echo"

    def handle(self) -> Any:
        self.logger.info("one")
        return len(self.request.raw_request or b"")


@pytest.mark.parametrize("name", Bounds.__struct_fields__)
def test_each_can_be_set_and_is_refused_below_one(name: str) -> None:
    assert getattr(bounds_of({name: 7}), name) == 7
    assert bounds_in({f"WORKBENCH_{name.upper()}": " 7 "}) == {name: 7}
    for value in (0, -1, "7", True):
        with pytest.raises(ServiceUsage, match=rf"{name}={value!r}\. Fix: {name}=1 or more\."):
            bounds_of({name: value})  # type: ignore[dict-item]
    for text in ("0", "-1", "many", "1.5"):
        with pytest.raises(WorkbenchError, match=rf"WORKBENCH_{name.upper()} is '{text}', which is no bound\. Fix: "):
            bounds_in({f"WORKBENCH_{name.upper()}": text})


def test_a_keyword_that_is_no_bound_is_an_error_of_python(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'treads'"):
        Workbench(folder=tmp_path, treads=3)


def test_those_of_clients_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    bounds = {"line_bytes": 100, "header_bytes": 500, "connections": 2, "memory_bytes": 10}
    with Workbench(port=0, folder=tmp_path, **bounds) as wb:
        wb.deploy(Echo)
        wb.define(RESTChannel("echo"))
        with Wire(wb) as first, Wire(wb) as second:
            assert first.request("POST /echo", body=b"x" * 50).answer().body == b"50"
            assert first.request("GET /echo?" + "a" * 100).answer().status == 414
            assert second.request("GET /echo", "X-A: " + "a" * 600).answer().status == 431
            with Wire(wb) as third:
                assert third.answer().status == 503
                assert third.is_closed
        assert wb._parts.server._bounds.memory_bytes == 10


def test_those_of_what_is_kept_hold(tmp_path: Path) -> None:
    with Workbench(folder=tmp_path, traces=3, log_lines=2, versions=2) as wb:
        wb.deploy(Echo)
        for _ in range(5):
            wb.invoke("echo", b"x")
        assert (len(wb.traffic), len(wb.log)) == (3, 2)
        for number in range(4):
            code = f"from workbench import Service\nclass V(Service):\n    name = 'v'\n    number = {number}\n"
            (tmp_path / "v.py").write_text(code)
            wb.load(tmp_path / "v.py")
        assert [version.number for version in wb._parts.registry.history["v"]] == [3, 4]


def test_those_of_jobs_hold(tmp_path: Path) -> None:
    with Workbench(folder=tmp_path, job_threads=3, job_spares=4, job_runs=6) as wb:
        runner = wb._parts.scheduler._runner
        assert runner._pool.bound == 7
        assert wb._parts.scheduler._history._keep_runs == 6


def test_the_workbench_of_a_notebook_takes_them_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    forget()
    for name, value in (("STORE", "memory://"), ("PORT", "0"), ("THREADS", "3"), ("TRACES", "5")):
        monkeypatch.setenv(f"WORKBENCH_{name}", value)
    try:
        parts = the_workbench()._parts
        assert (parts.workers.size, parts.traffic._items.maxlen) == (3, 5)
    finally:
        forget()
