"""The embedded Redis in a real kernel: interrupted, killed, restarted, shut down."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.kernels import Kernel

BEGIN = """
import json, os
from pathlib import Path
from workbench.connections.kvdb.live import Kvdb
kvdb = Kvdb(Path(os.getcwd()))
server = kvdb.conn.info("server")["process_id"]
print(json.dumps([int(server), kvdb.conn.get("x")]))
"""


def begin(kernel: Kernel) -> tuple[psutil.Process, str | None]:
    """Use Redis in the kernel: its server, and what the key `x` held."""
    server, value = json.loads(kernel.run(BEGIN).stdout)
    return psutil.Process(server), value


def family(server: psutil.Process) -> list[psutil.Process]:
    guard = server.parent()
    assert guard is not None
    return [server, guard]


def assert_gone(processes: list[psutil.Process], within_seconds: float) -> None:
    until = time.monotonic() + within_seconds
    left = processes
    while left and time.monotonic() < until:
        left = [each for each in left if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
        threading.Event().wait(0.02)
    assert not left


@pytest.mark.timeout(120)
def test_a_kernel_takes_its_redis_with_it_however_it_ends_and_its_data_stay(tmp_path: Path) -> None:
    with Kernel(cwd=tmp_path) as kernel:
        server, value = begin(kernel)
        assert value is None
        kernel.run("kvdb.conn.set('x', 'kept')")
        kernel.interrupt()
        kernel.run("pass")
        assert kernel.run("print(kvdb.conn.get('x'))").stdout == "kept\n"
        processes = family(server)
        kernel.kill()
        assert_gone(processes, 5)
        kernel.restart()
        server, value = begin(kernel)
        assert value == "kept"
        processes = family(server)
    assert_gone(processes, 5)


@pytest.mark.timeout(120)
def test_two_kernels_in_one_folder_share_a_redis_until_both_have_gone(tmp_path: Path) -> None:
    with Kernel(cwd=tmp_path) as one:
        server, _ = begin(one)
        with Kernel(cwd=tmp_path) as two:
            assert begin(two)[0].pid == server.pid
            one.run("kvdb.conn.set('x', 'from one')")
            assert two.run("print(kvdb.conn.get('x'))").stdout == "from one\n"
            processes = family(server)
            one.kill()
            assert two.run("print(kvdb.conn.get('x'))").stdout == "from one\n"
        assert_gone(processes, 5)
