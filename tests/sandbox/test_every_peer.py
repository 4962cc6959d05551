"""What every kind of peer must do: start alone and in a sandbox, show what arrived, and have the faults it can have."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.connections.suites.cases import CASES, Case
from tests.connections.suites.examples import EXAMPLES, FILES, played
from workbench.app.workbench import Workbench
from workbench.connections import catalog
from workbench.connections.files.errors import AccessRefused, Interrupted, StorageFull
from workbench.core.definition import field_types
from workbench.core.errors import ConnectionFailed, InvalidDefinition
from workbench.notebook import running
from workbench.sandbox.catalog import peer_class, rows
from workbench.sandbox.faults import NETWORK

FAR = [name for name, case in CASES.items() if case.at is not None and name != "sql"]
OVER_HTTP = ["rest", "soap", "dropbox", "s3", "twilio"]
NOTHING_LEFT = ["dropbox", "s3"]
FULL: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "ftp": ({"disk_full_after_bytes": 0}, StorageFull, "552"),
    "ftps": ({"disk_full_after_bytes": 0}, StorageFull, "552"),
    "sftp": ({"disk_full_after_bytes": 0}, StorageFull, "as a full disk does"),
    "s3": ({"disk_full": True}, StorageFull, "InsufficientStorage"),
    "dropbox": ({"quota_bytes": 0}, StorageFull, "has no room"),
    "imap": ({"quota": True}, ConnectionFailed, "OVERQUOTA"),
    "smtp": ({"refuse_mail": True}, ConnectionFailed, "552"),
}
# Mail servers and a gateway of SMS have one error for whatever they refuse.
NOT_LET_IN: dict[str, tuple[dict[str, Any], str]] = {
    "dropbox": ({"expired_token": True}, "has expired"),
    "s3": ({"expired_token": True}, "expired token"),
    "soap": ({"status": 401}, "401"),
    "twilio": ({"status": 401}, "401"),
    **{name: ({"refuse_login": True}, "refused the user name") for name in ("smtp", "imap", "ftp", "ftps", "sftp")},
}


@pytest.fixture(scope="module")
def wb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with Workbench(port=0, folder=tmp_path_factory.mktemp("wb"), store="memory://") as wb:
        wb.define(*EXAMPLES.values())
        yield wb


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def both(case: Case) -> Iterator[tuple[Any, Any]]:
    """The connection, which tries once, and its peer."""
    once = {field: 0 for field in case.definition.__struct_fields__ if "retries" in field}
    with played(case.definition.replace(**once)) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        yield live.live(case.definition.name), peer


def of(names: Any) -> Any:
    return pytest.mark.parametrize("case", list(names), indirect=True)


@pytest.mark.parametrize("kind", rows())
def test_it_starts_alone_and_in_a_sandbox(wb: Workbench, kind: str) -> None:
    alone = wb.peers.start(kind, name=f"alone {kind}")
    assert (type(alone), alone.ping()) == (peer_class(kind), "ok")
    wb.peers.remove(f"alone {kind}")
    wb.sandbox()
    name = EXAMPLES[kind].name
    assert type(wb.peers[name]) is peer_class(kind)
    assert wb.connections[name].ping()
    wb.sandbox(False)


@of(CASES)
def test_what_arrived_is_shown_without_anything_that_changes(case: Case, both: tuple[Any, Any]) -> None:
    conn, peer = both
    empty = peer.rows()
    case.use(conn)
    assert case.arrived(peer) == 1
    assert peer.rows() != empty
    shown = running.peer(peer)
    for text in (repr(peer), shown):
        for word in case.shown or (peer.label, case.definition.name):
            assert word in text
        assert not peer.port or str(peer.port) not in text
    assert repr(peer) == repr(peer)


@pytest.mark.parametrize("kind", FILES)
def test_files_can_arrive_at_it(kind: str) -> None:
    with played(EXAMPLES[kind]) as (live, sandbox):
        peer: Any = sandbox[EXAMPLES[kind].name]
        peer.put("in/a.txt", "text").put("b.bin", b"\0\xff").make_folder("empty")
        assert dict(peer.files) == {"b.bin": b"\0\xff", "in/a.txt": b"text"}
        assert [info.path for info in live.live(EXAMPLES[kind].name).list()] == ["b.bin", "empty", "in"]
        assert repr(peer.files) == "b.bin (2 bytes)\nin/a.txt (4 bytes)"
        peer.clear()
        assert dict(peer.files) == {}


@pytest.mark.parametrize("kind", rows())
def test_an_unknown_fault_is_told_with_those_there_are(kind: str) -> None:
    peer = peer_class(kind)("p")
    own = {field for field in field_types(peer.fault_fields) if peer.fault_fields.over_network or field not in NETWORK}
    all_there_are = {field for each in rows() for field in field_types(peer_class(each).fault_fields)}
    for knob in ("nonsense", *sorted(all_there_are - own)):
        with pytest.raises(InvalidDefinition) as refused:
            peer.fail(**{knob: 1})
        said = refused.value.problems[knob]
        listed = ", ".join(field for field in field_types(peer.fault_fields) if field in own)
        assert "did you mean" in said or said.endswith(f"there are {listed}")
    assert peer.faults == peer.fault_fields()


def test_a_kind_of_peer_is_there_for_every_kind_of_connection() -> None:
    assert rows().keys() == {row.kind for row in catalog.ROWS}


@of(FAR)
def test_latency_delays_and_harms_nothing(case: Case, both: tuple[Any, Any]) -> None:
    conn, peer = both
    with peer.fail(delay_seconds=0.1):
        began = time.monotonic()
        case.use(conn)
        assert time.monotonic() - began >= 0.1
    assert case.arrived(peer) == 1


@of(FAR)
def test_a_connection_that_is_cut_is_said_and_well_again_after(case: Case, both: tuple[Any, Any]) -> None:
    conn, peer = both
    with peer.fail(hang_up_after_bytes=0), pytest.raises(ConnectionFailed):
        case.use(conn)
    before = case.arrived(peer)
    case.use(conn)
    assert case.arrived(peer) == before + 1


@of(OVER_HTTP)
def test_a_breakdown_is_said(case: Case, both: tuple[Any, Any]) -> None:
    conn, peer = both
    with peer.fail(status=503):
        if case.no_is_an_answer:
            assert case.use(conn).status_code == 503  # type: ignore[attr-defined]
        else:
            with pytest.raises(ConnectionFailed, match="503|SlowDown"):
                case.use(conn)
    case.use(conn)


@of(OVER_HTTP)
def test_a_rate_limit_says_how_long_to_wait(case: Case, both: tuple[Any, Any]) -> None:
    _, peer = both
    fields = {field: 1 for field in case.definition.__struct_fields__ if "retries" in field}
    with played(case.definition.replace(**fields)) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        conn: Any = live.live(case.definition.name)
        with peer.fail(status=429, retry_after_seconds=1, times=1):
            began = time.monotonic()
            answer: Any = case.use(conn)
            if case.no_is_an_answer:
                assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
            else:
                assert time.monotonic() - began >= 1
                assert case.arrived(peer) == 1


@of(NOTHING_LEFT)
def test_contents_that_are_not_what_was_sent_are_found_out(case: Case, both: tuple[Any, Any]) -> None:
    conn, peer = both
    with peer.fail(wrong_hash=True), pytest.raises(Interrupted, match=r"keeps something else|and refused it"):
        conn.write("a.txt", b"1")
    assert dict(peer.files) == {}
    with peer.fail(wrong_hash=True, times=1), pytest.raises(Interrupted):
        conn.write("big.bin", bytes(9 << 20))
    conn.write("a.txt", b"1")
    assert dict(peer.files) == {"a.txt": b"1"}


@of(["ftp", "ftps", "sftp"])
def test_a_file_that_ends_too_early_is_found_out(case: Case, both: tuple[Any, Any]) -> None:
    conn, peer = both
    peer.put("a.txt", b"0123456789")
    with peer.fail(short_file_after_bytes=4), pytest.raises(Interrupted, match=r"after 4 of 10 bytes"):
        conn.read("a.txt")
    assert (dict(peer.files), conn.read("a.txt")) == ({"a.txt": b"0123456789"}, b"0123456789")


@of(["ftp", "ftps"])
def test_an_upload_of_which_less_arrives_is_found_out(case: Case, both: tuple[Any, Any]) -> None:
    conn, peer = both
    with peer.fail(short_file_after_bytes=4), pytest.raises(ConnectionFailed):
        conn.write("b.txt", b"0123456789")
    assert dict(peer.files) == {}


@of(FULL)
def test_a_full_disk_is_said(case: Case, both: tuple[Any, Any], request: pytest.FixtureRequest) -> None:
    conn, peer = both
    knobs, kind, words = FULL[request.node.callspec.params["case"]]
    with peer.fail(**knobs), pytest.raises(kind, match=words):
        case.use(conn)
    assert case.arrived(peer) == 0
    case.use(conn)
    assert case.arrived(peer) == 1


@of(NOT_LET_IN)
def test_who_is_let_in_no_more_is_told_so(case: Case, both: tuple[Any, Any], request: pytest.FixtureRequest) -> None:
    conn, peer = both
    knobs, words = NOT_LET_IN[request.node.callspec.params["case"]]
    with peer.fail(**knobs), pytest.raises(AccessRefused, match=words):
        case.use(conn)
    case.use(conn)
    assert case.arrived(peer) == 1


def test_a_database_that_somebody_holds_is_said() -> None:
    case = CASES["sql"]
    with played(case.definition.replace(timeout_seconds=0.2)) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        with peer.fail(locked=True), pytest.raises(ConnectionFailed, match="database is locked"):
            case.use(live.live(case.definition.name))
        case.use(live.live(case.definition.name))
        assert case.arrived(peer) == 1
