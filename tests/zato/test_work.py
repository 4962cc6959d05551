"""Work that a service of Zato has done later, again or alone, and what it knows of its server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from redis.exceptions import LockError

from tests.serving import until
from tests.serving import wb as wb
from tests.zato.does import Does
from workbench import Service, Workbench
from workbench.core.errors import NotFound, ServiceUsage


@pytest.fixture
def bench(wb: Workbench) -> Workbench:
    wb.deploy(Does)
    return wb


class Target(Service):
    """Keeps what it was given."""

    name = "target"
    given: ClassVar[list[Any]] = []

    def handle(self) -> Any:
        self.given.append(self.request.payload)
        return self.request.payload


@pytest.mark.parametrize(
    ("when", "seconds"),
    [
        ({}, 0),
        ({"after_seconds": 90}, 90),
        ({"after_minutes": 5, "after_seconds": 1}, 301),
        ({"start_date": "2035-01-01 10:00:00"}, None),
        ({"start_date": "2035-01-01T12:00:00+02:00"}, None),
        ({"start_date": datetime(2035, 1, 1, 9, 0, tzinfo=UTC), "after_minutes": 60}, None),
    ],
)
def test_a_service_makes_a_job_that_runs_once(bench: Workbench, when: dict[str, Any], seconds: float | None) -> None:
    bench.deploy(Target)
    began = datetime.now(UTC).replace(microsecond=0)
    name = bench.invoke("does", lambda self: self.schedule.onetime(self, Target, prefix="my", data={"a": 1}, **when))
    definition = bench.jobs[name].definition
    assert (definition.service, definition.extra, definition.timezone) == ("target", {"a": 1}, "UTC")
    assert name.startswith("my does -> target 20")
    start = datetime.fromisoformat(definition.start).replace(tzinfo=UTC)
    if seconds is None:
        assert start == datetime(2035, 1, 1, 10, 0, tzinfo=UTC)
    else:
        assert timedelta() <= start - began - timedelta(seconds=seconds) <= timedelta(seconds=60)


def test_that_job_gives_its_data_to_the_service(bench: Workbench) -> None:
    bench.deploy(Target)
    Target.given.clear()
    later = {"name": "later", "after_minutes": 60, "data": {"a": 1}}
    assert bench.invoke("does", lambda self: self.schedule.onetime(self, "target", **later)) == "later"
    bench.jobs["later"].execute()
    assert Target.given == [{"a": 1}]


class Fails(Service):
    name = "fails"
    times = 0
    until: int = 3

    def handle(self) -> Any:
        type(self).times += 1
        if self.times < self.until:
            raise NotFound(f"not yet, {self.times}")
        return self.request.payload


def test_a_service_is_tried_again_until_it_answers_and_no_more(bench: Workbench) -> None:
    Fails.times = 0
    bench.deploy(Fails)

    def ask(self: Any) -> Any:
        return self.patterns.invoke_retry.invoke("fails", {"a": 1}, repeats=5, seconds=0.001)

    assert (bench.invoke("does", ask), Fails.times) == ({"a": 1}, 3)
    assert [line.text for line in bench.log if line.service == "does"] == [
        "fails failed, and is tried 4 times more: not yet, 1",
        "fails failed, and is tried 3 times more: not yet, 2",
    ]


def test_the_last_try_raises_what_it_raised(bench: Workbench) -> None:
    Fails.times = 0
    bench.deploy(Fails)
    with pytest.raises(NotFound, match="not yet, 2"):
        bench.invoke("does", lambda self: self.patterns.invoke_retry.invoke(Fails, repeats=2, seconds=0.001))
    assert Fails.times == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"async_fallback": True}, "cannot obey async_fallback, .* Fix: self.invoke_async"),
        ({"callback": "x"}, "cannot obey callback"),
        ({"repeats": 0}, "cannot try 0 times. Fix: repeats=5"),
        ({"repeats": "many"}, "cannot try 'many' times"),
        ({"seconds": -1}, r"cannot wait seconds=-1\. Fix: seconds=5, or 0 to 86,400"),
        ({"minutes": -1, "seconds": 120}, "cannot wait minutes=-1"),
        ({"seconds": float("nan")}, "cannot wait seconds=nan"),
        ({"seconds": "5"}, "cannot wait seconds='5'"),
        ({"transport": "x"}, "no transport 'x'"),
    ],
)
def test_what_cannot_be_tried_is_refused_at_once(bench: Workbench, more: dict[str, Any], said: str) -> None:
    bench.deploy(Target)
    with pytest.raises(ServiceUsage, match=said):
        bench.invoke("does", lambda self: self.patterns.invoke_retry.invoke("target", **more))


def test_a_lock_is_held_by_one_at_a_time(bench: Workbench) -> None:
    def ask(self: Any) -> Any:
        with self.lock("orders"):
            with pytest.raises(LockError), self.lock("orders", block=0.01):
                pass
            with self.lock(), self.lock("others"):
                inside = sorted(self.kvdb.conn.keys("lock:*"))
        with self.lock("orders", ttl=5, block=0.01):
            return inside

    inside = bench.invoke("does", ask)
    assert [each.decode() if isinstance(each, bytes) else each for each in inside] == [
        "lock:does",
        "lock:orders",
        "lock:others",
    ]


def test_work_in_the_background_may_get_json_text(bench: Workbench) -> None:
    bench.deploy(Target)
    Target.given.clear()
    keywords = {"to_json_string": True, "expiration": 15, "channel": "invoke-async", "data_format": "dict", "cid": ""}
    bench.invoke("does", lambda self: self.invoke_async("target", {"a": 1}, **keywords))
    until(lambda: Target.given, "the target has run")
    assert Target.given == ['{"a":1}']


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"cid": "abc"}, "cannot obey cid='abc': .* Fix: leave cid out"),
        ({"environ": {"a": 1}}, "cannot obey environ="),
        ({"data_format": "json"}, "cannot obey data_format='json'"),
        ({"transport": "x"}, "cannot obey transport='x'"),
        ({"order": 7}, "takes no order. Fix: put it into the payload"),
    ],
)
def test_keywords_that_work_in_the_background_cannot_obey_are_refused(
    bench: Workbench, more: dict[str, Any], said: str
) -> None:
    bench.deploy(Target)
    with pytest.raises(ServiceUsage, match=said):
        bench.invoke("does", lambda self: self.invoke_async("target", {}, **more))


def test_environ_is_a_dict_of_one_call(bench: Workbench) -> None:
    def ask(self: Any) -> Any:
        self.environ["a"] = self.environ.get("a", 0) + 1
        return dict(self.environ)

    assert [bench.invoke("does", ask) for _ in range(2)] == [{"a": 1}, {"a": 1}]


def test_the_servers_configuration_is_that_of_server_conf_and_what_is_in_force(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    (tmp_path / "server.conf").write_text("[misc]\nmine = yes\n[my.own]\nkey = value\n")
    with Workbench(port=0, folder=tmp_path) as made:
        made.deploy(Does)

        def ask(self: Any) -> Any:
            config = self.server.fs_server_config
            assert config is self.server.fs_server_config
            with pytest.raises(AttributeError, match="No key of server_config.misc is named 'mime'.*'mine'"):
                _ = config.misc.mime
            return config.misc.mine, config["my.own"]["key"], config.component_enabled.ftp, "connection" in config

        assert made.invoke("does", ask) == ("yes", "value", True, False)
