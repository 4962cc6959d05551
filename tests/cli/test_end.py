"""The end of `workbench serve`, asked for at every step of the wait for it, and of its children."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.kernels import kernel_env

AT_EACH_STEP = """
import signal, sys
from workbench.cli.end import End

def at(step, end):
    def look(frame, event, argument):
        nonlocal step
        step -= 1
        if step == 0:
            sys.setprofile(None)
            signal.raise_signal(signal.SIGTERM)
    sys.setprofile(look)
    end.wait(0.01)
    sys.setprofile(None)
    return end.wait(0), step

step, left = 0, 0
while left <= 0:
    step += 1
    heard, left = at(step, End(60.0))
    if left <= 0:
        print(heard)
"""
CHILD = """
import os, signal, time
from workbench.cli.end import End

end = End(60.0)
begins, begun = os.pipe()
if (child := os.fork()) == 0:
    os.write(begun, b"1")
    time.sleep(60)
    os._exit(0)
os.read(begins, 1)
os.kill(child, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), end.is_asked)
"""


def said(code: str) -> str:
    """What a process that runs this code prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=kernel_env(), capture_output=True, text=True, timeout=45, check=True).stdout


def test_a_signal_at_any_step_of_the_wait_for_it_is_heard() -> None:
    answers = said(AT_EACH_STEP).split()
    assert len(answers) >= 3
    assert set(answers) == {"True"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_that_is_asked_to_end_ends_alone() -> None:
    assert said(CHILD) == "-15 False\n"
