"""Which processes live, on this machine and on others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.durable.conftest import later
from tests.redis_server import RedisServer
from tests.serving import until
from workbench.core.errors import StoreUnavailable
from workbench.durable.presence import Presence
from workbench.stores import open_store


def test_a_process_lives_until_it_leaves(tmp_path: Path) -> None:
    one, other = Presence(tmp_path), Presence(tmp_path)
    assert one.alive(other.me)
    other.leave()
    assert not one.alive(other.me)
    assert one.alive(one.me)
    one.leave()
    assert list((tmp_path / "alive").iterdir()) == []


def test_without_a_shared_folder_nobody_else_lives() -> None:
    one, other = Presence(None), Presence(None)
    assert one.alive(one.me)
    assert one.alive(other.me)  # in this process
    assert not one.alive("elsewhere:0123")
    one.leave()
    other.leave()


def test_a_process_of_another_machine_is_taken_to_live_where_nobody_can_ask(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    assert presence.alive("some-other-host:0123456789ab")
    presence.leave()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="show that they live, cannot be written"):
        Presence(tmp_path / "file")


def _child(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


SHOW = """
import sys
import threading
from pathlib import Path
from workbench.durable.presence import Presence
print(Presence(Path(sys.argv[1])).me, flush=True)
sys.stdin.readline()
"""

FORKING = """
import os, sys
from pathlib import Path
from workbench.durable.presence import Presence
presence = Presence(Path(sys.argv[1]))
if os.fork() == 0:
    print(presence.me, os.getpid(), flush=True)
    sys.stdin.readline()
    os._exit(0)
os.kill(os.getpid(), 9)
"""


def test_another_process_lives_until_it_is_killed(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    with _child(SHOW, str(tmp_path)) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert presence.alive(name)
        assert presence.alive(name)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert not presence.alive(name)
    assert not presence.alive(name)
    presence.leave()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_does_not_keep_its_dead_parent_alive(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    with _child(FORKING, str(tmp_path)) as process:
        assert process.stdout is not None
        name = process.stdout.readline().split()[0]
        process.wait(30)
        assert not presence.alive(name)
    presence.leave()


def test_files_of_long_dead_processes_are_swept_away(tmp_path: Path) -> None:
    (tmp_path / "alive").mkdir()
    old, new = tmp_path / "alive" / "aaa.lock", tmp_path / "alive" / "bbb.lock"
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    presence = Presence(tmp_path)
    assert not old.exists()
    assert new.exists()
    presence.leave()


# Two machines: each has a folder and a host name of its own; they have only the store in common.

SHOW_FROM_AFAR = """
import sys
import threading
from pathlib import Path
from workbench.durable.presence import Presence
from workbench.stores import open_store
store = open_store(sys.argv[1])
presence = Presence(Path(sys.argv[2]), store, host="far-away", lease_seconds=float(sys.argv[3]))
for line in sys.stdin:
    if line == "leave\\n":
        presence.leave()
    print(presence.me, flush=True)
"""


def _say(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_a_process_of_another_machine_lives_until_its_lease_lapses(redis_url: str, tmp_path: Path) -> None:
    store = open_store(redis_url)
    here = Presence(tmp_path / "here", store, host="here")
    hereafter = Presence(tmp_path / "here", store, host="here", clock=later())
    with _child(SHOW_FROM_AFAR, redis_url, str(tmp_path / "far"), "60") as process:
        name = _say(process, "")
        assert name.startswith("far-away:")
        assert here.alive(name)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert here.alive(name)  # nobody can know yet
    assert not hereafter.alive(name)
    assert not here.alive(name)  # from then on everybody says the same
    here.leave()
    hereafter.leave()
    assert list(store.scan("alive/")) == []
    store.close()


def test_a_process_that_leaves_is_gone_for_other_machines_at_once_even_of_the_same_name(
    redis_url: str, tmp_path: Path
) -> None:
    store = open_store(redis_url)
    others = [Presence(tmp_path / "here", store, host=host) for host in ("here", "far-away")]
    with _child(SHOW_FROM_AFAR, redis_url, str(tmp_path / "far"), "60") as process:
        name = _say(process, "")
        # One of the same host name has a folder of its own, and does not take what is missing there for dead.
        assert [each.alive(name) for each in others] == [True, True]
        assert _say(process, "leave") == name
        assert [each.alive(name) for each in others] == [False, False]
        process.kill()
    for each in others:
        each.leave()
    store.close()


SHOW_HERE = """
import sys
from pathlib import Path
from workbench.durable.presence import Presence
from workbench.stores import open_store
print(Presence(Path(sys.argv[2]), open_store(sys.argv[1])).me, flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("found_by", ["asking", "sweeping"])
def test_one_of_this_machine_that_was_killed_is_dead_for_all_as_soon_as_anybody_knows(
    redis_url: str, tmp_path: Path, found_by: str
) -> None:
    store = open_store(redis_url)
    with _child(SHOW_HERE, redis_url, str(tmp_path)) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        far = Presence(tmp_path / "elsewhere", store, host="far-away")
        assert far.alive(name)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    if found_by == "sweeping":
        os.utime(tmp_path / "alive" / f"{name.rpartition(':')[2]}.lock", (0, 0))
    first = Presence(tmp_path, store)
    assert not first.alive(name)
    # There is no lock file any more that could tell the others, here or elsewhere.
    others = [Presence(tmp_path, store), far]
    assert [each.alive(name) for each in others] == [False, False]
    for each in (first, *others):
        each.leave()
    store.close()


def test_a_process_that_stood_still_longer_than_its_lease_goes_on_under_another_name(
    redis_url: str, tmp_path: Path
) -> None:
    store = open_store(redis_url)
    here = Presence(tmp_path / "here", store, host="here")
    with _child(SHOW_FROM_AFAR, redis_url, str(tmp_path / "far"), "1.5") as process:
        name = _say(process, "")
        process.send_signal(signal.SIGSTOP)
        until(lambda: not here.alive(name), "its lease has lapsed")
        process.send_signal(signal.SIGCONT)
        until(lambda: _say(process, "") != name, "it has found its lease gone")
        assert not here.alive(name)
        until(lambda: here.alive(_say(process, "")), "its new name is known")
        process.kill()
    here.leave()
    store.close()


def test_a_lease_is_renewed_from_a_thread_for_as_long_as_the_process_lives(redis_url: str, tmp_path: Path) -> None:
    store = open_store(redis_url)
    presence = Presence(tmp_path, store, lease_seconds=0.3)
    [(_, before)] = store.scan("alive/")
    until(lambda: next(iter(store.scan("alive/")))[1] != before, "it is renewed")
    presence.leave()
    assert list(store.scan("alive/")) == []
    assert not [each for each in threading.enumerate() if each.name == "workbench-alive"]
    store.close()


def test_a_store_that_was_away_finds_the_process_alive_again(
    redis_server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(redis_server.url)
    presence = Presence(tmp_path, store, lease_seconds=0.3)
    was = presence.me
    redis_server.stop()
    until(lambda: "other machines are not told that this process lives" in caplog.text, "it is said once")
    redis_server.start()  # with nothing of what it held
    until(lambda: presence.me != was, "it has shown itself anew")
    # The lease may lapse between two renewals, where the machine stands still for longer than it.
    until(lambda: [key for key, _ in store.scan("alive/")] == [f"alive/{presence.me}"], "its lease is there")
    assert caplog.text.count("are not told that this process lives") == 1
    presence.leave()
    store.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_what_one_machine_alone_uses_holds_no_lease_and_starts_no_thread(kind: str, tmp_path: Path) -> None:
    store = open_store("memory://" if kind == "memory" else f"sqlite:///{tmp_path}/store.db")
    presence = Presence(store.folder, store)
    assert list(store.scan("")) == []
    assert not [each for each in threading.enumerate() if each.name == "workbench-alive"]
    assert presence.alive(presence.me)
    assert not presence.alive("some-other-host:0123456789ab")
    presence.leave()
    store.close()


def test_a_process_that_shares_the_folder_of_a_file_is_known_by_its_lock_whatever_its_host_is_named(
    tmp_path: Path,
) -> None:
    # A container that is made anew has another host name, and the same folder.
    url = f"sqlite:///{tmp_path}/store.db"
    store = open_store(url)
    here = Presence(store.folder, store, host="here")
    with _child(SHOW_FROM_AFAR, url, str(store.folder), "60") as process:
        name = _say(process, "")
        assert here.alive(name)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert not here.alive(name)
    here.leave()
    store.close()
