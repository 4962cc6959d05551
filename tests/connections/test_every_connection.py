"""What every kind of connection must do, each on the peer that stands for it; a new kind needs a row in `cases.py`."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from threading import Semaphore
from typing import Any

import pytest

import workbench
from tests.connections.cases import CASES, PASSWORD, Case, closed, silent
from tests.connections.examples import played
from tests.connections.timing import ended_in_time
from tests.kernels import ROOT
from workbench.connections import catalog
from workbench.connections.definition import ConnectionDefinition, Opening
from workbench.connections.live import LiveConnections
from workbench.core.call import INVOKE, Call
from workbench.core.clock import SystemClock
from workbench.core.definition import field_types
from workbench.core.errors import ConnectionFailed, DeadlineExceeded, UnknownName
from workbench.core.secret import Secret, given, secret
from workbench.core.trace import CURRENT
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.catalog import rows as peers

ALL = [*CASES]
FAR = [name for name, case in CASES.items() if case.at is not None]
TIMED = [name for name in FAR if hasattr(CASES[name].definition, "deadline_seconds")]
FAULTS = [{"bytes_per_second": 20}, {"hang_up_after_bytes": 0}, {"refuse": True}]
OVER_HTTP = ["rest", "dropbox", "s3", "twilio"]


def found(secret: Secret, owner: str) -> str:
    """A sandbox's own secret, or the one that must never be seen."""
    return given(secret.name) or PASSWORD


@contextmanager
def opened(definition: ConnectionDefinition) -> Iterator[Any]:
    """The live object at the definition's own address."""
    live = LiveConnections(Opening(found, SystemClock()))
    live.define(definition)
    try:
        yield live.live(definition.name)
    finally:
        live.close_all()


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


every = pytest.mark.parametrize("case", ALL, indirect=True)
every_far = pytest.mark.parametrize("case", FAR, indirect=True)


def test_every_kind_of_the_catalog_is_in_this_suite() -> None:
    kinds = {case.kind for case in CASES.values()}
    assert kinds == catalog.rows().keys(), "a kind of connection needs its row in tests/connections/cases.py"
    assert kinds == peers().keys(), "a kind of connection needs a peer in workbench/sandbox/catalog.py"


@every
def test_a_definition_says_what_it_is_and_can_be_written_as_code(case: Case) -> None:
    row, cls = catalog.rows()[case.kind], catalog.definition_class(case.kind)
    assert type(case.definition) is cls
    assert (cls.kind, tuple(cls.attributes), cls.__struct_config__.tag) == (row.label, row.attributes, case.kind)
    assert all(attribute in catalog.kinds_by_attribute() for attribute in cls.attributes)
    assert getattr(workbench, cls.__name__) is cls
    assert cls.__doc__
    for field, annotation in field_types(cls).items():
        assert field == "name" or "description" in repr(annotation), f"{field} says nowhere what it is"
    code = case.definition.to_code()
    assert eval(code, {cls.__name__: cls, "secret": secret}) == case.definition


ALONE = """
import importlib.abc, json, sys, warnings

class Lacking(importlib.abc.MetaPathFinder):
    "A machine without any client library."
    wanted = set()
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in LIBRARIES:
            Lacking.wanted.add(name.partition(".")[0])
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

LIBRARIES = set(json.loads(sys.argv[1]))
sys.meta_path.insert(0, Lacking())
import workbench
from workbench import secret
from workbench.connections import catalog
from workbench.connections.definition import Opening
from workbench.core.clock import SystemClock
from workbench.core.errors import WorkbenchError

told = {}
for name, (kind, code) in json.loads(sys.argv[2]).items():
    cls = catalog.definition_class(kind)
    definition = eval(code, {cls.__name__: cls, "secret": secret})
    imported = sorted(Lacking.wanted)
    try:
        said = definition.open(Opening(lambda secret, owner: "x", SystemClock())).ping()
    except WorkbenchError as exc:
        said = f"{type(exc).__name__}: {exc}"
    except Exception as exc:
        said = repr(exc)
    told[name] = (imported, said)
    Lacking.wanted.clear()
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def without_libraries() -> dict[str, tuple[list[str], str]]:
    """For each case: which client libraries its definition asked for, and what its ping said without them."""
    libraries = sorted({case.library[0] for case in CASES.values() if case.library})
    with closed() as address:
        definitions = {name: case.leading(*address) if case.at else case.definition for name, case in CASES.items()}
        codes = {name: (CASES[name].kind, each.to_code()) for name, each in definitions.items()}
        done = subprocess.run(
            [sys.executable, "-c", ALONE, json.dumps(libraries), json.dumps(codes)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=50,
        )
    assert done.returncode == 0, done.stderr
    told: dict[str, tuple[list[str], str]] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("name", ALL)
def test_a_client_library_is_imported_at_first_use_and_missed_in_a_sentence(
    name: str, without_libraries: dict[str, tuple[list[str], str]]
) -> None:
    imported, said = without_libraries[name]
    assert imported == []
    if (library := CASES[name].library) is None:
        assert "MissingDependency" not in said
    else:
        assert said.startswith("MissingDependency: ")
        assert "which is not installed. Mend: pip install " in said
        assert said.endswith(f"pip install {library[1]}")


@every
def test_it_opens_without_a_call_and_answers_a_ping_of_its_peer(case: Case) -> None:
    if case.at is not None:
        with closed() as address:
            case.leading(*address).open(Opening(found, SystemClock())).close()
    with played(case.definition) as (live, sandbox):
        assert sandbox[case.definition.name].ping() == "ok"
        assert live.of(case.definition.name).ping("cid")
        assert repr(live.of(case.definition.name)) == str(case.definition)


@every
def test_a_ping_says_what_is_wrong_and_works_again_once_that_is_over(case: Case) -> None:
    with played(case.definition.replace(**case.fast)) as (live, sandbox):
        peer = sandbox[case.definition.name]
        item = live.of(case.definition.name)
        if peer.port:
            # Of what is a file, what is open stays open.
            item.ping()
        with peer.fail(refuse=True), pytest.raises(ConnectionFailed) as refused:
            item.ping()
        assert str(refused.value).startswith(str(case.definition))
        assert item.ping()


@every
def test_an_unknown_name_says_which_there_are(case: Case) -> None:
    with played(case.definition) as (live, _):
        with pytest.raises(UnknownName) as unknown:
            live.item(case.kind, f"{case.definition.name}s")
        cls = type(case.definition).__name__
        assert f"there are: {case.definition.name}. Did you mean '{case.definition.name}'?" in str(unknown.value)
        assert f"Mend: wb.define({cls}(" in str(unknown.value)


@pytest.mark.parametrize("case", [name for name in ALL if CASES[name].wrong is not None], indirect=True)
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
    with silent() as address, opened(case.leading(*address)) as conn, pytest.raises(ConnectionFailed) as failed:
        conn.ping()
    assert str(case.definition) in str(failed.value)
    assert "Mend: " in str(failed.value)


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


@pytest.mark.parametrize(("case", "status"), [*zip(OVER_HTTP, (503, 429, 503, 429), strict=True)], indirect=["case"])
def test_a_deadline_holds_within_a_tenth_with_retry_after(case: Case, status: int) -> None:
    changes = {"deadline_seconds": 1.5, **more_tries(case.definition, 20)}
    with played(case.definition.replace(**changes)) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        conn = live.live(case.definition.name)
        for after in (1, 3600):
            with peer.fail(status=status, retry_after_seconds=after):
                ended_in_time(partial(used, case, conn), 1.5)


@every
def test_it_can_be_used_again_after_it_was_closed(case: Case) -> None:
    with played(case.definition) as (live, sandbox):
        case.prepare(peer := sandbox[case.definition.name])
        conn = live.live(case.definition.name)
        case.use(conn)
        live.close(case.definition.name)
        live.close(case.definition.name)
        again = live.live(case.definition.name)
        assert again is not conn
        case.use(again)
        assert case.arrived(peer) == 2


@every_far
def test_many_calls_to_a_dead_peer_hold_up_nobody_elses(case: Case) -> None:
    # By structure, not by time: all of one's calls end while not one of the other's has.
    fields = {"timeout_seconds": 600.0, "deadline_seconds": 1200.0, "pool_size": 64}
    patient = {field: value for field, value in fields.items() if hasattr(case.definition, field)}
    with played(case.definition) as (live, sandbox), ThreadPoolExecutor(64) as threads:
        case.prepare(peer := sandbox[case.definition.name])
        with silent() as address, opened(case.leading(*address, **patient)) as dead:
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


@every
def test_eight_threads_use_it_at_once(case: Case) -> None:
    with played(case.definition) as (live, sandbox), ThreadPoolExecutor(8) as threads:
        case.prepare(peer := sandbox[case.definition.name])
        for done in [threads.submit(lambda: case.use(live.live(case.definition.name))) for _ in range(16)]:
            done.result()
        assert case.arrived(peer) == 16


@pytest.mark.parametrize("case", [name for name in ALL if CASES[name].secret_field], indirect=True)
def test_a_secret_is_never_shown(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    call = Call("api.sync", None, cid="c", channel=INVOKE, services={}, surroundings=None)  # type: ignore[arg-type]
    token = CURRENT.set(call)
    said: list[str] = []
    try:
        with played(case.definition.replace(**case.fast)) as (live, sandbox):
            case.prepare(peer := sandbox[case.definition.name])
            stand_in = sandbox.stand_in(case.definition)
            hidden = [given(getattr(stand_in, case.secret_field).name)] if case.kind != "sql" else []
            conn = live.live(case.definition.name)
            case.use(conn)
            conn.close()
            with peer.fail(refuse=True), pytest.raises(ConnectionFailed) as refused:
                case.use(conn)
            said += [repr(conn), str(conn), repr(stand_in), stand_in.to_code(), repr(peer), str(peer.rows())]
            said += traceback.format_exception(refused.value)
        with closed() as address, opened(case.leading(*address)) as conn:
            with pytest.raises(ConnectionFailed) as refused:
                case.use(conn)
            said += [repr(conn), repr(vars(case.definition) if hasattr(case.definition, "__dict__") else "")]
            said += traceback.format_exception(refused.value)
    finally:
        CURRENT.reset(token)
    said += [caplog.text, repr(call.step.steps), *(step.said() for step in call.step.steps)]
    assert call.step.steps
    for each in (PASSWORD, *hidden):
        assert each
        assert not any(each in text for text in said)


@every
def test_a_sandbox_leads_to_the_peer_and_back_and_the_definition_stays(case: Case) -> None:
    name = case.definition.name
    with played(case.definition) as (_, elsewhere):
        outside = elsewhere[name]
        case.prepare(outside)
        # A real system, as far as the connection can tell.
        real = elsewhere.stand_in(case.definition)
        code = real.to_code()
        sandbox = Sandbox(lambda: {name: real})
        live = LiveConnections(Opening(found, SystemClock()), sandbox.stand_in)
        live.define(real)
        case.prepare(inside := sandbox[name])
        for on in (False, True, False):
            sandbox.switch(on)
            live.close_all()
            case.use(live.live(name))
        live.close_all()
        assert (case.arrived(outside), case.arrived(inside)) == (2, 1)
        assert live.of(name).config is real
        assert real.to_code() == code
        sandbox.close()
