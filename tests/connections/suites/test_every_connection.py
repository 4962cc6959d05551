"""What every kind of connection must do, each on the peer that stands for it; a new kind needs a row in `cases.py`."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import workbench
from tests.connections.suites.cases import CASES, PASSWORD, Case, closed, found, opened
from tests.connections.suites.examples import played
from tests.connections.surroundings import surroundings
from tests.kernels import ROOT
from workbench.connections import catalog
from workbench.connections.definition import Opening
from workbench.connections.live import LiveConnections
from workbench.core.call import INVOKE, Call
from workbench.core.clock import SystemClock
from workbench.core.current import CURRENT
from workbench.core.definition import field_types
from workbench.core.errors import ConnectionFailed, UnknownName
from workbench.core.secret import given, secret
from workbench.runtime.traffic import Log
from workbench.sandbox.catalog import Sandbox
from workbench.sandbox.catalog import rows as peers

ALL = [*CASES]


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


every = pytest.mark.parametrize("case", ALL, indirect=True)


def test_every_kind_of_the_catalog_is_in_this_suite() -> None:
    kinds = {case.kind for case in CASES.values()}
    # Not `rows()`, which has what cells of other tests have brought.
    assert kinds == {row.kind for row in catalog.ROWS}, (
        "a kind of connection needs its row in tests/connections/suites/cases.py"
    )
    assert kinds == peers().keys(), "a kind needs a peer in workbench/sandbox/catalog.py"


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
        assert "which is not installed. Fix: pip install " in said
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
    with played(case.definition.replace(**case.once)) as (live, sandbox):
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
        assert f"Fix: wb.define({cls}(" in str(unknown.value)


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
    around: Any = surroundings(log=Log())
    call = Call("api.sync", None, cid="c", channel=INVOKE, services={}, surroundings=around)
    token = CURRENT.set(call)
    said: list[str] = []
    try:
        with played(case.definition.replace(**case.once)) as (live, sandbox):
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
    said += [caplog.text, *map(repr, around.log), repr(call.step.steps), *(step.describe() for step in call.step.steps)]
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
        assert live.of(name).definition is real
        assert real.to_code() == code
        sandbox.close()
