"""What every kind of connection must do when something is wrong, each on the peer that stands for it, or on none."""

from __future__ import annotations

import asyncio
import ssl
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import Any

import pytest

from tests.connections.suites.cases import CASES, PASSWORD, Case, closed, opened, silent
from tests.connections.suites.examples import played
from tests.connections.suites.timing import ended_in_time
from workbench.connections.definition import ConnectionDefinition
from workbench.core.errors import ConnectionFailed, DeadlineExceeded
from workbench.sandbox import certificates
from workbench.sandbox.peer import Peer

FAR = [name for name, case in CASES.items() if case.at is not None]
TIMED = [name for name in FAR if hasattr(CASES[name].definition, "deadline_seconds")]
FAULTS = [{"bytes_per_second": 20}, {"hang_up_after_bytes": 0}, {"refuse": True}]
OVER_HTTP = ["rest", "soap", "dropbox", "s3", "twilio"]


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


every_far = pytest.mark.parametrize("case", FAR, indirect=True)


@pytest.mark.parametrize("case", [name for name in CASES if CASES[name].wrong is not None], indirect=True)
def test_a_wrong_password_is_said_once_and_not_told(case: Case) -> None:
    assert case.wrong is not None
    with played(case.definition) as (_, sandbox):
        wrong = sandbox.stand_in(case.definition).replace(**case.wrong)
        peer = sandbox[case.definition.name]
        with opened(wrong) as conn, peer.fail(**case.refusal), pytest.raises(ConnectionFailed) as refused:
            case.use(conn)
        assert case.arrived(peer) == 0
        assert str(refused.value).startswith(str(case.definition))
        assert not isinstance(refused.value, DeadlineExceeded)
        assert PASSWORD not in "".join(traceback.format_exception(refused.value))


@every_far
def test_a_host_that_does_not_resolve_is_named(case: Case) -> None:
    with opened(case.leading("nowhere.invalid", 80)) as conn, pytest.raises(ConnectionFailed) as failed:
        conn.ping()
    assert str(case.definition) in str(failed.value)
    assert "nowhere.invalid" in str(failed.value)


@every_far
def test_a_port_where_nobody_listens_is_said(case: Case) -> None:
    refused = pytest.raises(ConnectionFailed, match=r"[Rr]efused")
    with closed() as (host, port), opened(case.leading(host, port)) as conn, refused as failed:
        conn.ping()
    assert str(case.definition) in str(failed.value)
    assert host in str(failed.value)


@every_far
def test_who_never_says_a_word_costs_the_timeout(case: Case) -> None:
    # Not less, by the clock; not more, by the order of ends: whoever allows more time at this address still waits.
    failing = pytest.raises(ConnectionFailed)
    with ThreadPoolExecutor(1) as threads:
        with silent() as address, opened(patient(case, *address)) as other:
            waiting = threads.submit(fails, other)
            with opened(case.leading(*address, timeout_seconds=0.3)) as conn, failing as failed:
                began = time.monotonic()
                conn.ping()
            assert time.monotonic() - began >= 0.3
            assert not waiting.done()
        # Nobody listens there any more, which ends it.
        waiting.result(30)
    assert str(case.definition) in str(failed.value)
    assert "Fix: " in str(failed.value)


class Elsewhere(Peer):
    """Shows a certificate of another name, and says nothing more."""

    kind, label = "elsewhere", "Elsewhere"

    def protocol(self) -> asyncio.BaseProtocol:
        return asyncio.Protocol()

    def tls(self) -> ssl.SSLContext:
        return certificates.elsewhere()


@pytest.mark.parametrize("case", ["rest", "soap", "dropbox", "s3"], indirect=True)
def test_a_certificate_of_another_name_is_refused(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its authority is trusted, so that the name is all that is wrong; FTPS, SMTP and IMAP have tests of their own.
    trusted = str(certificates.authority().file)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", trusted)
    assert case.at is not None
    fields = {field: url.replace("http:", "https:") for field, url in case.at("127.0.0.1", 0).items()}
    peer = Elsewhere("e").start()
    try:
        fields = {field: url.replace(":0", f":{peer.port}") for field, url in fields.items()}
        ca_file = {"ca_file": trusted} if hasattr(case.definition, "ca_file") else {}
        with opened(case.definition.replace(**fields, **ca_file)) as conn, pytest.raises(ConnectionFailed) as failed:
            case.use(conn)
    finally:
        peer.stop()
    assert str(failed.value).startswith(str(case.definition))
    assert "certificate" in str(failed.value)
    assert "Fix: " in str(failed.value)


@pytest.mark.parametrize("case", ["rest", "soap", "dropbox", "s3"], indirect=True)
def test_a_file_of_authorities_that_cannot_be_read_is_named(case: Case, tmp_path: Path) -> None:
    assert case.at is not None
    peer = Elsewhere("e").start()
    try:
        fields = {field: url.replace("http:", "https:") for field, url in case.at("127.0.0.1", peer.port).items()}
        missing = case.definition.replace(**fields, ca_file=str(tmp_path / "no.pem"))
        with pytest.raises(ConnectionFailed, match=r"cannot read ca_file='.*no\.pem'"), opened(missing) as conn:
            case.use(conn)
    finally:
        peer.stop()


def patient(case: Case, host: str, port: int) -> ConnectionDefinition:
    """The definition at another address, with more time than any test takes."""
    fields = {"timeout_seconds": 600.0, "deadline_seconds": 1200.0, "pool_size": 64}
    return case.leading(host, port, **{key: fields[key] for key in fields if hasattr(case.definition, key)})


def fails(conn: Any) -> None:
    with pytest.raises(ConnectionFailed):
        conn.ping()


def more_tries(definition: ConnectionDefinition, count: int) -> dict[str, int]:
    """The fields that bound tries, set to this."""
    return {field: count for field in definition.__struct_fields__ if "retries" in field}


def used(case: Case, conn: Any) -> None:
    # An answer of REST that says no is an answer.
    with suppress(ConnectionFailed):
        case.use(conn)


@pytest.mark.parametrize("case", TIMED, indirect=True)
def test_a_deadline_holds_within_a_tenth_with_all_tries(case: Case) -> None:
    changes = {"deadline_seconds": 0.5, "timeout_seconds": 0.2, **more_tries(case.definition, 20)}
    with silent() as address, opened(case.leading(*address, **changes)) as conn:
        ended_in_time(partial(fails, conn), 0.5)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: next(iter(fault)))
@pytest.mark.parametrize("case", ["imap", *OVER_HTTP], indirect=True)
def test_a_deadline_holds_within_a_tenth_whatever_the_trouble(case: Case, fault: dict[str, Any]) -> None:
    changes = {"deadline_seconds": 0.5, "timeout_seconds": 0.4, **more_tries(case.definition, 20)}
    with played(case.definition.replace(**changes)) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        conn = live.live(case.definition.name)
        with peer.fail(**fault):
            ended_in_time(partial(used, case, conn), 0.5)


@pytest.mark.parametrize(
    ("case", "status"), [*zip(OVER_HTTP, (503, 429, 429, 503, 429), strict=True)], indirect=["case"]
)
def test_a_deadline_holds_within_a_tenth_with_retry_after(case: Case, status: int) -> None:
    changes = {"deadline_seconds": 1.5, **more_tries(case.definition, 20)}
    with played(case.definition.replace(**changes)) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        conn = live.live(case.definition.name)
        for after in (1, 3600):
            with peer.fail(status=status, retry_after_seconds=after):
                ended_in_time(partial(used, case, conn), 1.5)


@every_far
def test_many_calls_to_a_dead_peer_hold_up_nobody_elses(case: Case) -> None:
    # By structure, not by time: all of one's calls end while not one of the other's has.
    with played(case.definition) as (live, sandbox), ThreadPoolExecutor(64) as threads:
        case.prepare(peer := sandbox[case.definition.name])
        with silent() as address, opened(patient(case, *address)) as dead:
            begun = Semaphore(0)

            def knock() -> None:
                begun.release()
                fails(dead)

            knocking = [threads.submit(knock) for _ in range(64)]
            for _ in knocking:
                assert begun.acquire(timeout=30)
            for _ in range(20):
                case.use(live.live(case.definition.name))
            assert not any(each.done() for each in knocking)
        # Nobody listens there any more, which ends them.
        for each in knocking:
            each.result(30)
        assert case.arrived(peer) == 20
