"""A limit counted in this process says yes exactly as often as it should."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from workbench.core.clock import SystemClock, VirtualClock
from workbench.limiting.decision import Decision
from workbench.limiting.definition import Limit
from workbench.limiting.local.limiter import LocalLimiter

VECTORS = Path(__file__).parents[2] / "vectors"
ZATO = json.loads((VECTORS / "ratelimit_zato32.json").read_text())
HTTP = json.loads((VECTORS / "http_ratelimit_facts.json").read_text())
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


def limiter(clock: VirtualClock, lines: str, **fields: object) -> LocalLimiter:
    return LocalLimiter(Limit("api.sample", on="channel", lines=lines, **fields), clock)


def passed(checked: LocalLimiter, address: str | None, times: int) -> int:
    return sum(checked.check(address, f"cid{n}").allowed for n in range(times))


@pytest.mark.parametrize("window", ["calendar", "sliding"])
@pytest.mark.parametrize("per", ["network", "address"])
@pytest.mark.parametrize("rate", [0, 1, 2, 100])
def test_exactly_the_rate_passes(clock: VirtualClock, window: str, per: str, rate: int) -> None:
    checked = limiter(clock, f"{rate}/m", window=window, per=per)
    assert passed(checked, "10.0.0.1", rate + 50) == rate


def test_a_negative_rate_blocks_as_in_zato(clock: VirtualClock) -> None:
    assert passed(limiter(clock, "* = -1/m"), "10.0.0.1", 3) == 0


def test_rates_beyond_one_chunk_of_tokens_are_exact(clock: VirtualClock) -> None:
    assert passed(limiter(clock, "250000/m"), "10.0.0.1", 250_100) == 250_000


def test_windows_are_those_of_the_utc_calendar(clock: VirtualClock) -> None:
    case = ZATO["behaviour"][0]
    checked = limiter(clock, case["limit"])
    seen = []
    for at in case["hits_utc"]:
        clock.move_to(datetime.fromisoformat(f"2026-03-01T{at}+00:00"))
        seen.append(checked.check("10.0.0.1", "c").allowed)
    assert seen == case["allowed"]


@pytest.mark.parametrize(("unit", "seconds"), [("s", 1), ("m", 60), ("h", 3600), ("d", 86400)])
@pytest.mark.parametrize("per", ["network", "address"])
def test_a_window_ends_when_its_unit_turns(unit: str, seconds: int, per: str) -> None:
    clock = VirtualClock(datetime(2026, 3, 1, tzinfo=UTC))
    clock.advance(seconds - 0.001)
    checked = limiter(clock, f"2/{unit}", per=per)
    assert passed(checked, "10.0.0.1", 3) == 2
    clock.advance(0.001)
    assert passed(checked, "10.0.0.1", 3) == 2
    clock.advance(seconds - 0.001)
    assert passed(checked, "10.0.0.1", 3) == 0


@pytest.mark.parametrize("per", ["network", "address"])
def test_a_clock_set_back_a_little_gives_nothing_away(clock: VirtualClock, per: str) -> None:
    checked = limiter(clock, "5/m", per=per)
    assert passed(checked, "10.0.0.1", 9) == 5
    clock.move_to(datetime(2026, 3, 1, 11, 59, 59, tzinfo=UTC))
    assert passed(checked, "10.0.0.1", 9) == 0
    clock.move_to(NOON)
    assert passed(checked, "10.0.0.1", 9) == 0


def test_a_clock_corrected_by_more_than_a_window_does_not_block_until_it_is_there_again(clock: VirtualClock) -> None:
    checked = limiter(clock, "5/m")
    assert passed(checked, "10.0.0.1", 9) == 5
    clock.move_to(datetime(2026, 2, 1, tzinfo=UTC))
    assert passed(checked, "10.0.0.1", 9) == 5


def test_callers_of_a_line_share_its_count_as_in_zato(clock: VirtualClock) -> None:
    case = ZATO["behaviour"][4]
    checked = limiter(clock, case["limit"])
    assert [checked.check(address, "c").allowed for address in case["from"]] == case["allowed"]


def test_each_address_counts_apart_when_asked(clock: VirtualClock) -> None:
    checked = limiter(clock, "2/m", per="address")
    assert [passed(checked, address, 5) for address in ("10.0.0.1", "10.0.0.2", None)] == [2, 2, 2]
    assert passed(checked, "::ffff:10.0.0.1", 5) == 0
    assert passed(checked, "2001:db8::1", 1) + passed(checked, "2001:db8::2", 5) == 2


def test_a_caller_falls_to_the_narrowest_network(clock: VirtualClock) -> None:
    checked = limiter(clock, "* = 5/m\n* = 7/d\n172.16.0.0/12 = 10/m\n10.0.0.7 = *")
    assert passed(checked, "10.0.0.7", 500) == 500
    assert passed(checked, "172.16.3.4", 50) == 10
    assert passed(checked, "192.0.2.1", 50) == 5
    clock.advance(60)
    assert passed(checked, "192.0.2.2", 50) == 2
    assert checked.check("192.0.2.2", "c").limit == "7/d"


def test_the_first_matching_line_alone_counts_when_asked(clock: VirtualClock) -> None:
    checked = limiter(clock, "10.0.0.0/8 = 3/m\n10.0.0.7 = *\n10.0.0.0/8 = 1/m\n* = 1/m", match="first")
    assert passed(checked, "10.0.0.7", 9) == 3
    assert passed(checked, "192.0.2.1", 9) == 1
    everyone_first = limiter(clock, "* = 2/m\n10.0.0.7 = *", match="first")
    assert passed(everyone_first, "10.0.0.7", 9) == 2


def test_lines_count_all_or_none(clock: VirtualClock) -> None:
    checked = limiter(clock, "* = 100/h\n* = 5/m")
    for _ in range(10):
        clock.advance(60)
        assert passed(checked, "10.0.0.1", 50) == 5
    # 50 of 100 are used: the 450 refused by the second line have not used the first.
    assert [meter.used(clock.time())[0] for meter in checked.budgets[0].meters] == [50, 5]


def test_an_address_on_no_line_is_free_or_denied(clock: VirtualClock) -> None:
    free = limiter(clock, "127.0.0.1 = 5/m")
    assert passed(free, "10.1.1.1", 20) == 20
    denying = limiter(clock, "127.0.0.1 = 5/m", deny_others=True)
    decision = denying.check("10.1.1.1", "c1")
    assert (decision.allowed, decision.denied, decision.address, decision.cid) == (False, "address", "10.1.1.1", "c1")
    assert denying.check("garbage", "c1").denied == "address"
    assert denying.check("127.0.0.1", "c1").allowed


def test_a_call_without_an_address_is_on_the_lines_of_everyone(clock: VirtualClock) -> None:
    assert passed(limiter(clock, "* = 2/m\n10.0.0.0/8 = 1/m"), None, 5) == 2
    assert passed(limiter(clock, "10.0.0.0/8 = 1/m", deny_others=True), None, 5) == 5


def test_a_refusal_says_everything_to_the_author(clock: VirtualClock) -> None:
    checked = limiter(clock, "* = 100/m\n* = 2/h")
    checked.check("10.0.0.1", "first")
    clock.advance(1.5)
    checked.check("10.0.0.2", "second")
    refused = checked.check("10.0.0.3", "third")
    assert (refused.limit, refused.network, refused.last_from, refused.last_cid) == ("2/h", "*", "10.0.0.2", "second")
    pattern = next(case for case in ZATO["behaviour"] if case["case"] == "log line")["pattern"].replace("100/m", "2/h")
    assert re.match(pattern, refused.log_line())
    assert refused.log_line() == (
        "Max. rate limit of 2/h reached; from:`10.0.0.3`, network:`*`; last_from:`10.0.0.2`; "
        "last_request_time_utc:`2026-03-01T12:00:01.500000`; last_cid:`second`; (cid:third) (def:channel api.sample)"
    )
    assert refused.describe() == "channel api.sample: 2/h for * reached"
    assert not refused.headers


@pytest.mark.parametrize("window", ["calendar", "sliding"])
@pytest.mark.parametrize("per", ["network", "address"])
def test_the_last_call_is_remembered_by_every_kind_of_count(clock: VirtualClock, window: str, per: str) -> None:
    checked = limiter(clock, "2/h", window=window, per=per)
    checked.check("10.0.0.1", "first")
    clock.advance(2)
    checked.check("10.0.0.1", "second")
    clock.advance(3)
    refused = checked.check("10.0.0.1", "third")
    assert (refused.last_cid, refused.last_from) == ("second", "10.0.0.1")
    assert refused.last_at == pytest.approx(NOON.timestamp() + 2)


def test_calls_let_through_share_one_decision(clock: VirtualClock) -> None:
    checked = limiter(clock, "5/m")
    first, second = checked.check("10.0.0.1", "a"), checked.check("10.0.0.1", "b")
    assert first is second
    assert (first.kind, first.allowed, first.denied) == ("limit", True, "")
    assert first.describe() == "channel api.sample: 5/m for * kept"


def test_a_shadow_counts_and_reports_but_lets_through(clock: VirtualClock) -> None:
    checked = limiter(clock, "2/m", shadow=True, tell_caller=True)
    decisions = [checked.check("10.0.0.1", f"c{n}") for n in range(4)]
    assert all(decision.allowed for decision in decisions)
    assert [decision.denied for decision in decisions] == ["", "", "limit", "limit"]
    assert decisions[2].describe() == "channel api.sample: 2/m for * reached (shadow: let through)"
    assert "last_cid:`c1`" in decisions[3].log_line()
    assert not any(decision.headers for decision in decisions)
    others = limiter(clock, "10.0.0.1 = 2/m", shadow=True, deny_others=True).check("10.0.0.2", "c")
    assert (others.allowed, others.denied) == (True, "address")


def headers(decision: Decision) -> dict[str, str]:
    return dict(decision.headers)


@pytest.mark.parametrize("per", ["network", "address"])
def test_a_caller_is_told_when_asked(clock: VirtualClock, per: str) -> None:
    checked = limiter(clock, "* = 2/m\n* = 100/d", tell_caller=True, per=per)
    clock.advance(10.5)
    assert headers(checked.check("10.0.0.1", "a")) == {
        "RateLimit-Policy": '"channel-minute";q=2;w=60, "channel-day";q=100;w=86400',
        "RateLimit": '"channel-minute";r=1;t=50, "channel-day";r=99;t=43190',
    }
    checked.check("10.0.0.1", "b")
    refused = headers(checked.check("10.0.0.1", "c"))
    assert refused["RateLimit"].startswith('"channel-minute";r=0;t=50')
    assert refused["Retry-After"] == "50"
    clock.advance(float(refused["Retry-After"]))
    assert checked.check("10.0.0.1", "d").allowed


def test_headers_have_the_form_of_the_drafts_examples(clock: VirtualClock) -> None:
    policy = re.compile(r'"[a-z-]+";q=\d+;w=\d+(, *"[a-z-]+";q=\d+;w=\d+)*')
    state = re.compile(r'"[a-z-]+";r=\d+;t=\d+(, *"[a-z-]+";r=\d+;t=\d+)*')
    for pair in HTTP["pairs"]:
        assert policy.fullmatch(pair["policy"])
        assert state.fullmatch(pair["ratelimit"])
    told = headers(limiter(clock, "* = 2/m\n* = 100/d", tell_caller=True).check("10.0.0.1", "a"))
    assert policy.fullmatch(told["RateLimit-Policy"])
    assert state.fullmatch(told["RateLimit"])


@pytest.mark.parametrize("per", ["network", "address"])
def test_retry_after_of_a_sliding_window_is_never_too_early(clock: VirtualClock, per: str) -> None:
    checked = limiter(clock, "2/m", window="sliding", tell_caller=True, per=per)
    checked.check("10.0.0.1", "a")
    clock.advance(2)
    checked.check("10.0.0.1", "b")
    retry = headers(checked.check("10.0.0.1", "c"))["Retry-After"]
    assert retry == "59"
    clock.advance(58)
    assert not checked.check("10.0.0.1", "d").allowed
    clock.advance(1)
    assert checked.check("10.0.0.1", "e").allowed


def test_what_never_opens_names_no_time_to_retry(clock: VirtualClock) -> None:
    assert "Retry-After" not in headers(limiter(clock, "0/m", tell_caller=True).check("10.0.0.1", "a"))


def test_a_full_table_of_addresses_lets_new_ones_share_one_count(clock: VirtualClock) -> None:
    checked = limiter(clock, "2/m", per="address", max_addresses=100)
    assert sum(passed(checked, f"10.0.{n}.1", 3) for n in range(100)) == 200
    assert sum(passed(checked, f"10.1.{n}.1", 3) for n in range(100)) == 2
    clock.advance(60)
    assert passed(checked, "10.1.7.1", 3) == 2


def test_a_full_table_of_sliding_addresses_forgets_only_what_has_expired(clock: VirtualClock) -> None:
    checked = limiter(clock, "2/m", per="address", window="sliding", max_addresses=100)
    assert sum(passed(checked, f"10.0.{n}.1", 3) for n in range(100)) == 200
    assert sum(passed(checked, f"10.1.{n}.1", 3) for n in range(100)) == 2
    clock.advance(60.5)
    assert passed(checked, "10.0.5.1", 3) == 2
    assert passed(checked, "10.1.5.1", 3) == 2
    clock.advance(60.5)
    assert passed(checked, "10.1.7.1", 3) == 2


def test_the_machines_clock_is_read_without_a_detour() -> None:
    checked = LocalLimiter(Limit("x", on="service", lines="3/d"), SystemClock())
    assert passed(checked, None, 10) == 3
