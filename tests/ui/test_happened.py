"""A list of calls lacks none that the record holds, whatever came, was dropped, and is looked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.call import ServiceStep
from workbench.core.mood import mood_of_status
from workbench.core.trace import Line, RequestStep
from workbench.runtime.traffic import Traffic
from workbench.ui.panel.happened import PAGE, Asked, calls_page

SERVICES, USERS, STATUSES = ("api.one", "api.two", ""), ("ada", "bob", ""), (200, 404, 429, 500)
WORDS = ("order 4711", "refused by us", "Łódź", "")


class Came(NamedTuple):
    """A call as it came."""

    service: str
    user: str
    status: int
    log: str
    body: str
    weight: int


CALLS = st.lists(
    st.builds(
        Came,
        *map(st.sampled_from, (SERVICES, USERS, STATUSES, WORDS, WORDS)),
        weight=st.sampled_from((0, 10, 3000)),
    ),
    max_size=60,
)
TEXTS = st.sampled_from((*WORDS, "ADA", "429", "api.", "4711", "/path", "nobody says this", "127.0.0.1"))
SEARCHES = st.builds(
    Asked,
    text=TEXTS.map(str.casefold),
    mood=st.sampled_from(("", "ok", "attention", "failed")),
    service=st.sampled_from(SERVICES),
    page=st.just(0),
    until=st.none(),
)


def record(traffic: Traffic, number: int, came: Came) -> str:
    """Have a call come; its CID."""
    cid = f"cid{number:06}"
    root = RequestStep(f"POST /path/{number}", "127.0.0.1")
    traffic.record(cid, root)
    root.user, root.service = came.user, came.service
    if came.service:
        step = ServiceStep(came.service, 1)
        step.steps.append(Line("log", came.log + "." * came.weight))
        traffic.grow(came.weight)
        step.end("ok")
        root.steps.append(step)
    root.end(str(came.status), mood_of_status(came.status))
    root.came, root.answer = (came.body.encode(), "", {}, ""), b"answer"
    return cid


def fits(cid: str, number: int, came: Came, asked: Asked) -> bool:
    """The oracle: whether a call is what a person looks for."""
    if asked.mood and mood_of_status(came.status) != asked.mood:
        return False
    if asked.service and came.service != asked.service:
        return False
    texts = [cid, f"POST /path/{number}", str(came.status), came.user, "127.0.0.1", came.body, "answer"]
    texts += [came.service, came.log] if came.service else []
    return any(asked.text in text.casefold() for text in texts)


def pages(traffic: Traffic, asked: Asked, meanwhile: Any = lambda: None) -> Iterator[dict[str, Any]]:
    """Every page, one after another, while more calls come."""
    first = calls_page(traffic, asked)
    yield first
    until = first["rows"][0]["cid"] if first["rows"] else None
    for page in range(1, -(-first["found"] // PAGE)):
        meanwhile()
        yield calls_page(traffic, asked._replace(page=page, until=until))


@settings(deadline=None, max_examples=60)
@given(CALLS, SEARCHES, st.integers(1, 60), st.sampled_from((4_000, 20_000, 10_000_000)))
def test_every_call_that_is_held_and_looked_for_is_in_the_list(
    calls: list[Came], asked: Asked, most: int, most_bytes: int
) -> None:
    traffic = Traffic(most, most_bytes)
    came = {record(traffic, number, each): (number, each) for number, each in enumerate(calls)}
    held = [trace.cid for trace in reversed(list(traffic))]
    wanted = [cid for cid in held if fits(cid, *came[cid], asked)]
    said = calls_page(traffic, asked)
    assert [row["cid"] for row in said["rows"]] == wanted
    assert (said["found"], said["of"]) == (len(wanted), len(held))
    # What is not held any more is said, and why.
    dropped = len(calls) - len(held)
    assert dropped == 0 or said["gone"]
    assert traffic.left_out <= dropped
    assert not traffic.left_out or f"{traffic.left_out:,} earlier calls are gone" in said["gone"]
    if most_bytes == 10_000_000:
        assert held == list(came)[::-1][:most], "nothing but the bound drops a call"
    for cid in held:
        assert [row["cid"] for row in calls_page(traffic, Asked(text=cid))["rows"]] == [cid]


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 350), st.integers(0, 7), SEARCHES)
def test_all_pages_together_are_the_list_as_it_was_while_calls_come(count: int, more: int, asked: Asked) -> None:
    traffic = Traffic(2000)
    kinds = [Came(SERVICES[n % 3], USERS[n % 2], STATUSES[n % 4], WORDS[n % 4], "", 0) for n in range(12)]
    came = {record(traffic, number, kinds[number % 12]): (number, kinds[number % 12]) for number in range(count)}
    # A clock that is set back between two calls hides none of them.
    for place, trace in enumerate(traffic):
        trace.at = 1000.0 - place % 5

    def meanwhile() -> None:
        for _ in range(more):
            number = len(traffic)
            record(traffic, number, kinds[number % 12])

    shown = [row["cid"] for page in pages(traffic, asked, meanwhile) for row in page["rows"]]
    assert shown == [cid for cid in reversed(came) if fits(cid, *came[cid], asked)]
