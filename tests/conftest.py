"""What holds for every test: a bound on its time; in CI a skipped test is a failed one."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from workbench.core.masking import MASKER

# How long an example takes says what else the machine does.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")

LONGEST_SECONDS = 60
LONG_FILES = (
    "_in_lab.py",
    "tests/project/test_quality.py",
    "tests/cli/test_one_folder.py",
    "tests/cli/test_quickstart.py",
    "tests/cli/test_serve.py",
    "tests/cli/test_doctor.py",
    "tests/transfer/test_soak.py",
    "tests/testing/test_runner.py",
    "tests/ui/test_pictures.py",
    "tests/notebook/test_completing.py",
    "tests/notebook/test_extension.py",
    "tests/notebook/test_lifetime.py",
    "tests/app/crew/test_trouble.py",
    "tests/app/crew/test_redeploys.py",
    "tests/app/cassettes/test_making.py",
    "tests/sharing/test_packing.py",
    "tests/cli/test_tls.py",
    "tests/cli/test_remote.py",
    "tests/cli/test_log.py",
    "tests/testing/test_plugin.py",
    "tests/channels/wire/test_lives.py",
    "tests/channels/test_crowds.py",
    "tests/scheduler/test_clock_jumps.py",
    "tests/scheduler/test_crashes.py",
    "tests/test_demo.py",
    ".ipynb",
)
"""What takes longest starts first, so that no process has a long file left when the others are done."""

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bound what says no bound of its own, since who runs the notebooks alone may not have the plugin.

    Side by side, long files first; one after another, nobody waits for the last.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(item.nodeid.partition("::")[0]))
    if config.getoption("timeout", None) is not None:
        return
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(LONGEST_SECONDS))


def _place(file: str) -> int:
    return next((place for place, each in enumerate(LONG_FILES) if file.endswith(each)), len(LONG_FILES))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run each file in one process; all files that need JupyterLab in the same, which starts it once."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class OneLab(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return "in lab" if file.endswith("_in_lab.py") else file

    # Else files with many tests would come first, and those with few long ones last.
    config.option.loadscopereorder = False
    return OneLab(config, log) if config.getvalue("dist") == "loadfile" else None


def _not_silently(report: Any) -> Any:
    """Turn a skip into a failure in CI: what a test needs must be there, or nobody has tested it."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"A test may not be skipped in CI. {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Judge one phase of one test."""
    return _not_silently((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Judge the collection of one file or folder."""
    return _not_silently((yield))


@pytest.fixture(autouse=True, scope="session")
def _nobodys_preferences(tmp_path_factory: pytest.TempPathFactory) -> Generator[None, None, None]:
    """Have no test read or write what this machine's user prefers."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(autouse=True)
def _masks_of_this_test_alone() -> Generator[None, None, None]:
    """Let no value that one test made a secret mask the words of another."""
    yield
    MASKER.forget()
