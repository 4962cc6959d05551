"""Files are picked up whole, in order, each once, and put where they belong."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.channels.files.conftest import SETTLE_SECONDS, Bench, said
from tests.serving import until
from workbench import FileChannel, Service, Workbench
from workbench.channels.files.errors import NotDropped
from workbench.core.errors import InvalidDefinition, ServiceUsage


def test_a_file_goes_to_its_service_and_then_to_processed(bench: Bench) -> None:
    bench.define()
    bench.put("a.json", '{"x": 1}')
    assert bench.outcomes() == [("a.json", "done")]
    (got,) = bench.got
    assert (got["file_name"], got["data"], got["raw_data"]) == ("a.json", {"x": 1}, b'{"x": 1}')
    assert (got["channel_name"], got["base_dir"]) == ("in", str(bench.folder))
    assert (bench.files(), bench.files("processed"), bench.claimed()) == ([], ["a.json"], [])
    assert bench.outcomes() == []


def test_the_file_can_be_opened_while_the_service_has_it(bench: Bench) -> None:
    bench.define()
    read: list[str] = []
    bench.does = lambda service: read.append(Path(service.request.payload["full_path"]).read_text())
    bench.put("a.json", "[1]")
    bench.outcomes()
    assert read == ["[1]"]


def test_a_service_sees_which_channel_a_file_came_by(bench: Bench) -> None:
    bench.define()
    seen: list[Any] = []
    bench.does = lambda service: seen.append((service.channel.type, service.channel.kind, service.channel.name))
    bench.live.drop("a.json", {})
    assert seen == [("file-transfer", "File", "in")]


def test_a_file_that_is_written_waits_until_it_is_still(bench: Bench) -> None:
    bench.define()
    (bench.folder / "a.json").write_text("[1")
    assert bench.outcomes() == []
    bench.clock.advance(SETTLE_SECONDS)
    with (bench.folder / "a.json").open("a") as file:
        file.write(", 2]")
    assert bench.outcomes() == []
    bench.clock.advance(SETTLE_SECONDS / 2)
    assert bench.outcomes() == []
    bench.clock.advance(SETTLE_SECONDS / 2)
    assert bench.outcomes() == [("a.json", "done")]
    assert bench.got[0]["data"] == [1, 2]


def test_a_file_of_the_same_size_that_was_written_again_waits_anew(bench: Bench) -> None:
    bench.define()
    path = bench.folder / "a.json"
    path.write_text("[1]")
    now = path.stat().st_mtime_ns
    assert bench.outcomes() == []
    bench.clock.advance(SETTLE_SECONDS)
    path.write_text("[2]")
    os.utime(path, ns=(now + 1, now + 1))
    assert bench.outcomes() == []
    bench.clock.advance(SETTLE_SECONDS)
    assert bench.outcomes() == [("a.json", "done")]


def test_the_oldest_file_comes_first_and_of_two_as_old_the_first_by_name(bench: Bench) -> None:
    bench.define()
    for name, age in (("b.json", 5), ("a.json", 5), ("z.json", 9), ("c.json", 1)):
        bench.put(name, age=age)
    bench.outcomes()
    assert bench.names == ["z.json", "a.json", "b.json", "c.json"]


def test_only_names_that_fit_are_taken(bench: Bench) -> None:
    bench.define(patterns="*.json, orders-*.csv")
    for name in ("a.json", "A.JSON.part", ".hidden.json", "orders-1.csv", "b.csv"):
        bench.put(name, "x\n1\n" if name.endswith("csv") else "{}")
    (bench.folder / "folder.json").mkdir()
    assert sorted(bench.outcomes()) == [("a.json", "done"), ("orders-1.csv", "done")]
    assert bench.files() == [".hidden.json", "A.JSON.part", "b.csv"]


def test_a_processed_file_never_replaces_another_one(bench: Bench) -> None:
    bench.define()
    for contents in ("[1]", "[2]", "[3]"):
        bench.put("a.json", contents)
        bench.outcomes()
    kept = [(bench.folder / "processed" / name).read_text() for name in bench.files("processed")]
    assert (bench.files("processed"), kept) == (["a.json", "a.json.2", "a.json.3"], ["[1]", "[2]", "[3]"])


def test_files_go_where_the_channel_says(bench: Bench, tmp_path: Path) -> None:
    bench.define(move_processed_to=str(tmp_path / "done"), move_failed_to=str(tmp_path / "bad"))
    bench.put("a.json")
    bench.put("b.json", "{")
    assert sorted(bench.outcomes()) == [("a.json", "done"), ("b.json", "failed")]
    assert [each.name for each in (tmp_path / "done").iterdir()] == ["a.json"]
    assert sorted(each.name for each in (tmp_path / "bad").iterdir()) == ["b.json", "b.json.reason.txt"]


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no second disk to write to")
def test_a_file_goes_to_another_disk(bench: Bench, tmp_path: Path) -> None:
    other = Path("/dev/shm") / f"workbench-{os.getpid()}"
    if not hasattr(os, "statvfs") or other.parent.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second disk to write to")
    try:
        bench.define(move_processed_to=str(other))
        bench.put("a.json", "[1]")
        bench.put("b.json", "[2]")
        bench.outcomes()
        bench.put("a.json", "[3]")
        assert bench.outcomes() == [("a.json", "done")]
        assert {each.name: each.read_text() for each in other.iterdir()} == {
            "a.json": "[1]",
            "a.json.2": "[3]",
            "b.json": "[2]",
        }
        assert bench.claimed() == []
    finally:
        for each in other.glob("*"):
            each.unlink()
        other.rmdir()


def test_a_file_is_deleted_if_the_channel_says_so_but_not_one_that_failed(bench: Bench) -> None:
    bench.define(delete_after_pickup=True)
    bench.put("a.json")
    bench.put("b.json", "{")
    done = {each.name: each.path for each in bench.live.look()}
    assert done == {"a.json": None, "b.json": bench.folder / "failed" / "b.json"}
    assert (bench.files(), bench.files("processed"), bench.claimed()) == ([], [], [])


def test_several_services_get_a_file_in_order_until_one_fails(bench: Bench) -> None:
    ran: list[str] = []

    def made(called: str, fails: bool = False) -> type[Service]:
        class Step(Service):
            name = called

            def handle(self) -> None:
                ran.append(f"{called} {self.request.payload['data']}")
                if fails:
                    raise ValueError("not today")

        return Step

    bench.wb.deploy(made("a"), made("b", fails=True), made("c"))
    bench.define(services="a, b, c")
    bench.put("x.json", "7")
    assert bench.outcomes() == [("x.json", "failed")]
    assert ran == ["a 7", "b 7"]
    assert "Service 'b' had it.\nValueError: not today" in bench.reason("x.json")


def test_the_trace_of_a_call_has_the_name_of_its_file(bench: Bench) -> None:
    bench.define()
    done = bench.live.drop("a.json", {"x": 1})
    trace = bench.wb.traffic[-1]
    assert (trace.cid, trace.root.describe()) == (done.cid, "file a.json ok")
    assert repr(trace).splitlines() == ["file a.json ok", "  in ok"]
    bench.live.drop("b.json", "{")
    assert repr(bench.wb.traffic[-1]) == "file b.json failed: FileRefused"


def test_files_beyond_the_limit_wait_in_their_folder(bench: Bench) -> None:
    bench.define(limit="2/m")
    for name in ("a.json", "b.json", "c.json"):
        bench.put(name)
    with bench.wb.limits.frozen() as clock:
        assert bench.outcomes() == [("a.json", "done"), ("b.json", "done"), ("c.json", "waits")]
        assert bench.outcomes() == [("c.json", "waits")]
        assert (bench.files(), bench.claimed()) == (["c.json"], [])
        clock.advance(120)
        assert bench.outcomes() == [("c.json", "done")]


def test_a_limit_of_the_service_has_files_wait_too(bench: Bench) -> None:
    class Rare(Service):
        name = "rare"
        limit = "1/h"

        def handle(self) -> None:
            bench.got.append(dict(self.request.payload))

    bench.wb.deploy(Rare)
    bench.define(services="rare")
    with bench.wb.limits.frozen():
        assert said([bench.live.drop("a.json", {}), bench.live.drop("b.json", {})]) == [
            ("a.json", "done"),
            ("b.json", "waits"),
        ]
    assert (bench.names, bench.files(), bench.files("failed")) == (["a.json"], ["b.json"], [])


def test_a_file_waits_for_a_service_that_is_not_there(bench: Bench) -> None:
    bench.define()
    takes = bench.wb.services["in"].live.cls
    bench.wb.services.remove("in")
    (done,) = [bench.live.drop("a.json", {})]
    assert (done.outcome, done.why) == ("waits", "there is no service 'in'. Fix: run its cell")
    assert (bench.files(), bench.claimed()) == (["a.json"], [])
    bench.wb.deploy(takes)
    bench.clock.advance(SETTLE_SECONDS)
    bench.outcomes()
    bench.clock.advance(SETTLE_SECONDS)
    assert bench.outcomes() == [("a.json", "done")]


def test_a_channel_follows_hand_and_definition(bench: Bench) -> None:
    live = bench.define()
    assert (live.state, live.address, bench.live.pickup_from) == ("open", str(bench.folder), str(bench.folder))
    live.close()
    bench.put("a.json")
    assert (live.state, bench.outcomes()) == ("closed", [])
    with pytest.raises(NotDropped, match=r"is closed\. Fix: open it"):
        live.drop("b.json", {})
    live.close()
    live.open()
    assert bench.outcomes() == [("a.json", "done")]
    bench.wb.define(live.replace(active=False))
    bench.put("c.json")
    assert (live.state, bench.live.state, bench.outcomes()) == ("closed", "inactive", [])
    bench.wb.define(live.replace(patterns="*.csv"))
    assert (bench.live.state, bench.outcomes(), bench.files()) == ("open", [], ["c.json"])


def test_a_channel_looks_by_itself(wb: Workbench, tmp_path: Path) -> None:
    got: list[bytes] = []

    class Takes(Service):
        name = "in"

        def handle(self) -> None:
            got.append(self.request.payload["data"])

    wb.deploy(Takes)
    told = wb.define(FileChannel("in", pickup_from=str(tmp_path / "in"), settle_seconds=0.05, poll_seconds=0.02))
    assert repr(told) == (
        f"File 'in' is open at {tmp_path / 'in'}. No security: whoever can write into that folder calls it."
    )
    (tmp_path / "in" / "a.txt").write_bytes(b"raw")
    until(lambda: (tmp_path / "in" / "processed" / "a.txt").exists(), "the file was put away")
    assert got == [b"raw"]
    threads = [each for each in threading.enumerate() if each.name == "workbench-pickup-in"]
    assert len(threads) == 1
    wb.channels.remove("in")
    threads[0].join(30)
    assert not threads[0].is_alive()


def test_of_two_workbenches_on_one_folder_one_gets_each_file(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path)
    with other.wb:
        bench.define()
        other.define()
        for number in range(50):
            bench.put(f"{number}.json")
        looks = [threading.Thread(target=each.outcomes) for each in (bench, other)]
        for each in looks:
            each.start()
        for each in looks:
            each.join(60)
        assert sorted(bench.names + other.names) == sorted(f"{number}.json" for number in range(50))
        assert (len(bench.files("processed")), bench.files(), bench.claimed()) == (50, [], [])


def test_what_is_dropped_is_handed_on_at_once(bench: Bench) -> None:
    bench.define()
    done = bench.live.drop("a.json", {"x": [1]})
    assert repr(done) == f"a.json done, now {bench.folder / 'processed' / 'a.json'}"
    assert said([bench.live.drop("a.txt", b"\xff"), bench.live.drop("b.csv", "a,b\n1,2\n")]) == [
        ("a.txt", "done"),
        ("b.csv", "done"),
    ]
    assert [each["data"] for each in bench.got] == [{"x": [1]}, b"\xff", [{"a": "1", "b": "2"}]]


@pytest.mark.parametrize("name", ["../a.json", "/etc/a.json", ".a.json", "", "a.csv", "in/a.json", 7])
def test_a_name_that_the_channel_does_not_take_is_not_dropped(bench: Bench, name: Any) -> None:
    bench.define(patterns="*.json")
    with pytest.raises(NotDropped, match=r"takes no file .*\. Fix: a name like \*\.json, with no dot at first"):
        bench.live.drop(name, {})
    assert bench.files() == []


def test_a_service_that_drops_a_file_for_itself_is_told_what_to_do(bench: Bench) -> None:
    bench.define()
    bench.does = lambda service: bench.live.drop("b.json", {})
    assert bench.live.drop("a.json", {}).outcome == "failed"
    assert f"{ServiceUsage.__name__}: File 'in' is handing a file to 'in'" in bench.reason("a.json")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"pickup_from": ""}, "pickup_from"),
        ({"patterns": ""}, "patterns"),
        ({"patterns": "sub/*.json"}, "patterns"),
        ({"parse_with": "yaml"}, "parse_with"),
        ({"parse_with": ["json"]}, "parse_with"),
        ({"services": 7}, "services"),
        ({"move_processed_to": "in/../in"}, "move_processed_to"),
        ({"move_failed_to": "./in"}, "move_failed_to"),
        ({"move_processed_to": "done", "delete_after_pickup": True}, "move_processed_to"),
        ({"csv_encoding": "latin-9000"}, "csv_encoding"),
        ({"csv_delimiter": ";;"}, "csv_delimiter"),
        ({"timeout_seconds": 86_400}, "timeout_seconds"),
    ],
)
def test_a_field_that_cannot_work_is_named(fields: dict[str, Any], wrong: str) -> None:
    with pytest.raises(InvalidDefinition) as told:
        FileChannel("in", **{"pickup_from": "in", **fields})
    assert wrong in told.value.problems


def test_the_words_of_pickup_conf_are_understood() -> None:
    channel = FileChannel(
        "in",
        pickup_from="./pickup/incoming/json",
        move_processed_to="./pickup/processed/json",
        patterns="*.json,*.js",
        parse_with="py:json.loads",  # type: ignore[arg-type]
        services="my.first, my.second",
        delete_after_pickup=False,
    )
    assert (channel.patterns, channel.parse_with, channel.leads_to) == (
        ("*.json", "*.js"),
        "json",
        ("my.first", "my.second"),
    )
    assert FileChannel("my.one", pickup_from="in").to_code() == 'FileChannel("my.one", pickup_from="in")'
    assert eval(channel.to_code(), {"FileChannel": FileChannel}) == channel
