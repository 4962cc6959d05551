"""The thread on which peers live."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from workbench.sandbox.network.loop import PEERS

CELL: ContextVar[str] = ContextVar("cell", default="none")


def test_steps_run_on_one_daemon_thread_in_a_context_of_their_own() -> None:
    async def where() -> tuple[str, bool, str]:
        thread = threading.current_thread()
        return thread.name, thread.daemon, CELL.get()

    token = CELL.set("cell 3")
    try:
        assert PEERS.run(where()) == ("workbench-peers", True, "none")
    finally:
        CELL.reset(token)


def test_an_error_reaches_the_caller() -> None:
    async def fail() -> None:
        raise LookupError("in there")

    with pytest.raises(LookupError, match="in there"):
        PEERS.run(fail())


def test_waiting_for_itself_is_an_error_and_no_deadlock() -> None:
    async def inner() -> None:
        PEERS.run(outer())

    async def outer() -> None: ...

    with pytest.raises(RuntimeError, match="its own thread"):
        PEERS.run(inner())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_process_with_peers_ends_quickly_and_quietly_and_its_child_has_its_own() -> None:
    program = """
import os, sys
from workbench.sandbox.smtp_inbox import SMTPInbox
inbox = SMTPInbox().start()
child = os.fork()
if child == 0:
    inner = SMTPInbox().start()
    os._exit(0 if inner.ping() == "ok" and inner.port != inbox.port else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
inbox.ping()
sys.exit(status)
"""
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
