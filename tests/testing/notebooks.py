"""Notebooks for tests, written cell by cell, and test runs of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from tests.kernels import kernel_env


def markdown(text: str) -> dict[str, Any]:
    """A cell of text."""
    return {"cell_type": "markdown", "source": text, "metadata": {}}


def code(text: str, *saved: dict[str, Any], tags: tuple[str, ...] = (), ran: bool = False) -> dict[str, Any]:
    """A cell of code with its saved outputs; without any it is cleared, unless it `ran`."""
    count = 1 if saved or ran else None
    return {
        "cell_type": "code",
        "source": text,
        "outputs": list(saved),
        "metadata": {"tags": list(tags)} if tags else {},
        "execution_count": count,
    }


def printed(text: str) -> dict[str, Any]:
    """What a cell has printed."""
    return {"output_type": "stream", "name": "stdout", "text": [text]}


def result(text: str) -> dict[str, Any]:
    """The value of a cell's last expression."""
    return {"output_type": "execute_result", "metadata": {}, "execution_count": 1, "data": {"text/plain": [text]}}


def write(path: Path, *cells: dict[str, Any], kernel: str = "python3") -> Path:
    """Write a notebook."""
    metadata = {"kernelspec": {"name": kernel, "display_name": "Python 3", "language": "python"}}
    numbered = [{**cell, "id": f"c{number}"} for number, cell in enumerate(cells, 1)]
    path.write_text(json.dumps({"cells": numbered, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return path


class Outcome(NamedTuple):
    """What came of a test run: its exit code, all that was said, and by notebook and cell `passed`, or what failed."""

    status: int
    said: str
    cells: dict[tuple[str, str], str]


def workbench_test(folder: Path, *arguments: str) -> Outcome:
    """Run `workbench test` in a folder."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "workbench.cli.main", "test", *arguments, f"--junitxml={report}"]
    quietly = ["--", "-q", "-p", "no:cacheprovider"] if "--" not in arguments else []
    env = kernel_env(JUPYTER_RUNTIME_DIR=str(folder / "runtime"), IPYTHONDIR=str(folder / "ipython"))
    done = subprocess.run(
        [*command, *quietly], cwd=folder, env=env, capture_output=True, text=True, timeout=110, check=False
    )
    return Outcome(done.returncode, done.stdout + done.stderr, dict(_cells(report)) if report.exists() else {})


def _cells(report: Path) -> list[tuple[tuple[str, str], str]]:
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        told = next(iter(case), None)
        text = "passed" if told is None else f"{told.tag}: {told.get('message')}\n{told.text}"
        found.append((((case.get("classname") or ""), case.get("name") or ""), text))
    return found
