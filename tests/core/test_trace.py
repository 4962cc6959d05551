"""A trace is drawn the same way every time: no times, no CID."""

from __future__ import annotations

import pytest

from workbench.core.current import outgoing
from workbench.core.trace import Line, Step, Trace


def test_a_trace_is_a_tree_without_its_cid() -> None:
    root, child = Step("http", "POST /api/x"), Step("service", "api.x")
    root.steps.append(child)
    child.steps += [Line("log", "cid:abc123 seen\ntwice", "INFO"), Line("print", "hello")]
    child.end("ok")
    root.end("200")
    trace = Trace("abc123", 0.0, root)
    assert repr(trace) == ("POST /api/x 200\n  api.x ok\n    log: INFO cid:... seen\n    log: twice\n    print: hello")
    assert trace.lines == ["INFO cid:abc123 seen\ntwice", "hello"]
    assert trace.steps("service") == [child]


def test_a_step_ends_once() -> None:
    step = Step("service", "x")
    step.end("ok")
    seconds = step.seconds
    step.end("failed: ValueError")
    assert (step.outcome, step.seconds) == ("ok", seconds)


def test_an_outgoing_step_says_how_it_ended() -> None:
    with outgoing("rest", "GET x") as step:
        pass
    assert step.outcome == "ok"
    with pytest.raises(ValueError, match="boom"), outgoing("rest", "GET x") as step:
        raise ValueError("boom")
    assert step.outcome == "failed: ValueError"
    assert step.error is not None
    assert (step.error.kind, step.error.sentence) == ("ValueError", "boom")
