"""Startup callables in a kernel: when cells have them told, and what is said under a cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernels import Kernel

MODULE = """
def early(ctx):
    if ctx.phase == "fs-config-only":
        ctx.kwargs["server_config"].workbench.threads = 5
        raise ValueError("no luck")

def late(ctx):
    if ctx.phase == "after-started":
        ctx.kwargs["server"].invoke("cells.own")
"""
SERVICE = """
from workbench import Service
class Own(Service):
    name = "cells.own"
    def handle(self):
        wb.told = "by a callable"
"""
ON_STARTUP = """
@wb.on_startup
def cell_callable(ctx):
    assert ctx.phase == {phase}
    ctx.kwargs["server"].invoke("zato.cache.builtin.create", {{"name": "{name}"}})
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "extlib").mkdir()
    (tmp_path / "extlib" / "my_startup.py").write_text(MODULE)
    (tmp_path / "workbench.toml").write_text('[startup]\nstartup_callable = "my_startup.early, my_startup.late"\n')
    return {
        "WORKBENCH_PORT": "0",
        "WORKBENCH_STORE": "memory://",
        "WORKBENCH_NOTEBOOK": str(tmp_path / "shop.ipynb"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }


def _shown(kernel: Kernel, code: str) -> list[str]:
    return [each["text/plain"] for each in kernel.run(code).displays]


def test_callables_are_told_by_cells_and_failures_are_said_under_them(env: dict[str, str], tmp_path: Path) -> None:
    with Kernel("workbench", env=env) as kernel:
        first = _shown(kernel, "1 + 1")
        assert any("my_startup.early failed in fs-config-only: ValueError: no luck" in each for each in first)
        assert "5" in kernel.run("print(wb.settings.threads)").stdout
        assert "my_startup.early" in kernel.run("print(wb.settings)").stdout
        assert kernel.run("print(hasattr(wb, 'told'))").stdout == "False\n"
        assert not any("startup" in each.lower() for each in _shown(kernel, SERVICE))
        assert kernel.run("print(wb.told)").stdout == "by a callable\n"
        # A cell's own callable, then the same again, then one that looks at the phase that is over.
        phase = "'after-started'"
        for _ in range(2):
            assert not any("failed" in each for each in _shown(kernel, ON_STARTUP.format(name="made", phase=phase)))
        assert "made" in kernel.run("print(sorted(wb.caches))").stdout
        shown = _shown(kernel, ON_STARTUP.format(name="made", phase="'after-started' or 'fs-config-only'"))
        assert any(
            "was told after-started alone" in each and "Fix: wb.restart() tells it fs-config-only, too" in each
            for each in shown
        )
        assert any("cell_callable failed in after-started: NameTaken" in each for each in shown)
        kernel.run(f"{ON_STARTUP.format(name='never', phase=phase)}\n1 / 0", fails=True)
        kernel.run("x = 1")
        assert "never" not in kernel.run("print(sorted(wb.caches))").stdout


def test_a_start_that_stops_says_why_under_the_cell(env: dict[str, str], tmp_path: Path) -> None:
    late = 'def late(ctx):\n    if ctx.phase == "after-started":\n        raise ValueError("too late")\n'
    (tmp_path / "extlib" / "my_startup.py").write_text(late)
    (tmp_path / "workbench.toml").write_text('[startup]\nstartup_callable = ["my_startup.late"]\non_error = "stop"\n')
    with Kernel("workbench", env=env) as kernel:
        failed = kernel.run(SERVICE, fails=True)
        assert "my_startup.late failed in after-started: ValueError: too late" in str(failed)
        again = kernel.run("wb.services", fails=True)
        assert "The start ends here" in str(again)
        assert kernel.run("print(repr(globals()['w' + 'b'].url))").stdout == "''\n"


RESTARTS = """
@wb.on_startup
def early(ctx):
    if ctx.phase == "fs-config-only":
        ctx.kwargs["server_config"].workbench.threads = 9
    if ctx.phase == "after-started":
        ctx.kwargs["server"].invoke("zato.cache.builtin.create", {"name": "of the callable"})
"""


def test_a_cell_offers_a_restart_which_comes_at_its_end(env: dict[str, str], tmp_path: Path) -> None:
    """With all that cells have made; a cell that fails restarts nothing, and neither does a wrong file."""
    (tmp_path / "workbench.toml").unlink()
    with Kernel("workbench", env=env) as kernel:
        kernel.run(SERVICE)
        assert any("Fix: wb.restart() tells it fs-config-only, too" in each for each in _shown(kernel, RESTARTS))
        kernel.run("wb.restart()\n1 / 0", fails=True)
        assert kernel.run("print(wb.settings.threads)").stdout == "32\n"
        (tmp_path / "workbench.toml").write_text("prot = 1\n")
        assert "'prot' is no setting" in str(kernel.run("wb.restart()", fails=True))
        assert kernel.run("print(wb.settings.threads)").stdout == "32\n"
        (tmp_path / "workbench.toml").write_text("[user]\nword = 'anew'\n")
        cell = "held = wb\nclass Late(Service):\n    name = 'cells.late'\n    def handle(self):\n"
        shown = _shown(kernel, f"{cell}        return self.user_config.word\nwb.restart()\nprint(wb.settings.threads)")
        assert shown[-1] == ("The workbench has started anew: configuration is read again. Back: 2 services."), (
            "caches are the callable's to make"
        )
        assert kernel.run("print(held is wb, wb.settings.threads, wb.invoke('cells.late'))").stdout == "True 9 anew\n"
        assert (
            kernel.run("print(sorted(wb.caches), wb.startup.problems)").stdout == "['default', 'of the callable'] []\n"
        )
        # Cells go live as before.
        assert any("cells.late v2 is live" in each for each in _shown(kernel, f"{cell}        return 2"))
        assert not any("started anew" in each for each in _shown(kernel, RESTARTS))
        assert kernel.run("print(wb.call('GET /workbench/').status)").stdout == "200\n"
