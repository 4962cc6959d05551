"""Two calls are put side by side, and the first difference is named."""

from __future__ import annotations

from workbench.core.call import ServiceStep
from workbench.core.payload.asked import FROM_THE_RECORD
from workbench.core.trace import Outgoing, RequestStep, Trace, kept
from workbench.runtime.compared import Compared


def trace(cid: str, *steps: tuple[str, str], given: str = "in", answer: bytes = b"out", status: str = "200") -> Trace:
    """A request that made these calls, each with a name and an outcome."""
    root = RequestStep("POST /a", "127.0.0.1")
    root.came, root.answer = (given.encode(), "x=1", {}, ""), answer
    service = ServiceStep("api.a", 1)
    root.steps.append(service)
    for name, outcome in steps:
        step = Outgoing("rest", name)
        step.arguments = {"sent": kept(f"{cid} by {name}")}
        step.end(outcome)
        service.steps.append(step)
    service.end("ok")
    root.end(status)
    return Trace(cid, 0.0, root)


def test_calls_that_did_the_same_do_not_differ_but_for_their_cid_and_time() -> None:
    compared = Compared(trace("c1", ("GET Data", "200")), trace("d2", ("GET Data", f"200{FROM_THE_RECORD}")))
    assert compared.first == ""
    assert [bool(row.difference) for row in compared.rows] == [False] * 3
    assert repr(compared).startswith("No difference.\n")
    assert compared.input == ("?x=1 in", "?x=1 in")
    assert compared.answer == ("out", "out")
    assert all(each is not None for each in compared.milliseconds)


def test_the_first_difference_is_of_the_input_then_of_the_steps_then_of_the_answer() -> None:
    same = trace("c1", ("GET Data", "200"), ("PUT File", "3 bytes"))
    steps = ("GET Data", "404"), ("PUT File", "4 bytes")
    assert Compared(same, trace("d2", *steps, given="other", answer=b"x")).first == (
        "The input differs: '?x=1 in' and '?x=1 other'."
    )
    found = Compared(same, trace("d2", *steps, answer=b"x"))
    assert found.first == "The step 'GET Data' ended otherwise: '200' and '404'."
    assert [bool(row.difference) for row in found.rows] == [False, False, True, True]
    found = Compared(same, trace("d2", ("GET Data", "200"), ("PUT File", "3 bytes"), answer=b"other"))
    assert found.first == "The answer differs: 'out' and 'other'."


def test_a_step_of_one_call_alone_stands_beside_nothing() -> None:
    one, two = trace("c1", ("A", "ok"), ("B", "ok"), ("C", "ok")), trace("d2", ("A", "ok"), ("C", "ok"))
    compared = Compared(one, two)
    assert compared.first == "Only the first call has the step 'B'."
    assert [(row.left is None, row.right is None) for row in compared.rows][3:] == [(False, True), (False, False)]
    assert Compared(two, one).first == "Only the second call has the step 'B'."
    swapped = Compared(trace("c1", ("A", "ok")), trace("d2", ("B", "ok")))
    assert swapped.first == "The first call goes on with 'A', the second with 'B'."
