"""The limits article's sentences, as definitions and proofs over the real server and by `wb.limits`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from workbench import (
    BasicAuth,
    IntervalJob,
    JSONRPCChannel,
    Limit,
    RESTChannel,
    Service,
    SOAPChannel,
    Workbench,
    secret,
)
from workbench.core.clock import VirtualClock
from workbench.core.errors import (
    DanglingReference,
    InvalidDefinition,
    NameTaken,
    ServiceUsage,
    TooManyRequests,
    UnknownName,
)


class Sample(Service):
    name = "api.sample"

    def handle(self) -> Any:
        self.response.payload = "Hello there!\n"


class Other(Service):
    name = "api.other"

    def handle(self) -> Any:
        return self.invoke("api.sample")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def wb(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    for name in ("A", "B"):
        monkeypatch.setenv(f"PASSWORD_{name}", f"{name} secret")
    with Workbench(port=0, clock=clock, proxies=["127.0.0.1", "::1"]) as wb:
        wb.deploy(Sample, Other)
        yield wb


def statuses(wb: Workbench, call: str, times: int, **more: Any) -> list[int]:
    return [wb.call(call, **more).status for _ in range(times)]


def test_a_user_has_a_thousand_a_day_and_each_endpoint_five_a_minute(wb: Workbench, clock: VirtualClock) -> None:
    wb.define(
        BasicAuth("a", password=secret("PASSWORD_A"), limit="12/d"),
        RESTChannel("one", service="api.sample", security="a", limit="5/m"),
        RESTChannel("two", service="api.sample", security="a", limit="5/m"),
    )
    assert statuses(wb, "GET /one", 6, user="a") == [200] * 5 + [429]
    assert statuses(wb, "GET /two", 6, user="a") == [200] * 5 + [429]
    clock.advance(60)
    assert statuses(wb, "GET /one", 4, user="a") == [200, 200, 429, 429]
    clock.advance(24 * 3600)
    assert statuses(wb, "GET /two", 1, user="a") == [200]


def test_a_service_has_its_own_limit_whatever_the_user_and_the_kind_of_endpoint(wb: Workbench) -> None:
    wb.define(
        Limit("api.sample", on="service", lines="* = 8/h"),
        BasicAuth("a", password=secret("PASSWORD_A"), limit="3/m"),
        BasicAuth("b", password=secret("PASSWORD_B")),
        RESTChannel("rest", service="api.sample", security="a"),
        RESTChannel("free", service="api.sample", security="b"),
        SOAPChannel("soap", path="/soap", service="api.sample", limit="2/m"),
        JSONRPCChannel("rpc", path="/rpc", services="api.sample", limit="1/m"),
    )
    assert statuses(wb, "GET /rest", 4, user="a") == [200, 200, 200, 429]
    envelope = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><S/></e:Body></e:Envelope>'
    assert statuses(wb, "POST /soap", 3, data=envelope) == [200, 200, 429]
    rpc = {"jsonrpc": "2.0", "method": "api.sample", "id": 1}
    assert statuses(wb, "POST /rpc", 2, data=rpc) == [200, 429]
    assert statuses(wb, "GET /free", 3, user="b") == [200, 200, 429]


def test_jobs_and_other_services_count_on_the_service_once_each(wb: Workbench) -> None:
    wb.define(Limit("api.sample", on="service", lines="2/h"), IntervalJob("tick", service="api.sample", hours=1))
    assert wb.jobs["tick"].execute().outcome == "ok"
    assert wb.invoke("api.other") == "Hello there!\n"
    assert wb.jobs["tick"].execute().outcome == "failed"
    with pytest.raises(TooManyRequests):
        wb.invoke("api.other")


def test_networks_have_limits_of_their_own_and_chosen_hosts_none(wb: Workbench) -> None:
    lines = "* = 2/m\n* = 1000/d\n172.16.0.0/12 = 4/m\n10.0.0.7 = *"
    wb.define(RESTChannel("offers", service="api.sample", limit=lines))
    for address, passing in (("203.0.113.9", 2), ("172.16.4.2", 4), ("10.0.0.7", 6), ("2001:db8::1", 0)):
        got = statuses(wb, "GET /offers", 6, headers={"X-Forwarded-For": address})
        assert got == [200] * passing + [429] * (6 - passing), address


def test_nobody_else_s_x_forwarded_for_is_believed(clock: VirtualClock) -> None:
    with Workbench(port=0, clock=clock) as wb:
        wb.deploy(Sample)
        wb.define(RESTChannel("offers", service="api.sample", limit="* = 1/m\n10.0.0.7 = *"))
        got = statuses(wb, "GET /offers", 2, headers={"X-Forwarded-For": "10.0.0.7"})
        assert got == [200, 429]


def test_one_proxy_or_host_may_be_given_without_a_list() -> None:
    with Workbench(port=0, proxies="127.0.0.1", hosts="wb.example.com", origins="https://wb.example.com") as wb:
        wb.deploy(Sample)
        wb.define(RESTChannel("offers", service="api.sample", limit="10.0.0.7 = *"))
        sent = {"Host": "wb.example.com", "Origin": "https://wb.example.com", "X-Forwarded-For": "10.0.0.7"}
        assert wb.call("GET /offers", headers=sent).status == 200
        assert wb.traffic[-1].root.address == "10.0.0.7"  # type: ignore[attr-defined]


def test_a_refused_call_uses_up_nothing_below(wb: Workbench) -> None:
    wb.define(
        BasicAuth("a", password=secret("PASSWORD_A"), limit="5/d"),
        Limit("api.sample", on="service", lines="5/d"),
        RESTChannel("narrow", service="api.sample", security="a", limit="1/d"),
        RESTChannel("wide", service="api.sample", security="a"),
    )
    assert statuses(wb, "GET /narrow", 4, user="a") == [200, 429, 429, 429]
    assert statuses(wb, "GET /wide", 2) == [401, 401]
    assert statuses(wb, "GET /wide", 5, user="a") == [200] * 4 + [429]


def test_the_caller_learns_nothing_and_the_log_all(wb: Workbench) -> None:
    wb.define(RESTChannel("one", service="api.sample", limit="100/d"))
    last = [wb.call("GET /one") for _ in range(101)][-1]
    assert last.json() == {"result": "Error", "cid": last.cid, "details": "Error 429 Too Many Requests"}
    assert not {"Retry-After", "RateLimit", "RateLimit-Policy"} & set(last.headers)
    (line,) = [each.text for each in wb.log.of(last.cid) if "Max. rate" in each.text]
    for part in ("100/d reached", "from:`", "network:`*`", "last_from:`", "last_cid:`", last.cid, "channel one"):
        assert part in line


def test_explain_says_which_lines_count_for_every_level(wb: Workbench) -> None:
    wb.define(
        BasicAuth("a", password=secret("PASSWORD_A"), limit="1000/d"),
        Limit("api.sample", on="service", lines="* = 10000/h"),
        RESTChannel("one", service="api.sample", security="a", limit="* = 5/m\n172.16.0.0/12 = 500/m\n10.0.0.7 = *"),
    )
    told = {
        address: wb.limits.explain(address, channel="one").applying for address in ("172.16.1.1", "10.0.0.7", "9.9.9.9")
    }
    assert told == {
        "172.16.1.1": ["172.16.0.0/12 = 500/m", "* = 1000/d", "* = 10000/h"],
        "10.0.0.7": ["10.0.0.7/32 = *", "* = 1000/d", "* = 10000/h"],
        "9.9.9.9": ["* = 5/m", "* = 1000/d", "* = 10000/h"],
    }


def test_a_channel_brings_all_its_services(wb: Workbench) -> None:
    wb.define(
        Limit("api.sample", on="service", lines="* = 10000/h"),
        Limit("api.other", on="service", lines="* = 7/h"),
        JSONRPCChannel("rpc", path="/rpc", services=("api.sample", "api.other"), limit="1/m"),
        SOAPChannel("soap", path="/soap", service="api.sample", limit="2/m"),
    )
    assert wb.limits.explain("9.9.9.9", channel="rpc").applying == ["* = 1/m", "* = 10000/h", "* = 7/h"]
    assert wb.limits.explain("9.9.9.9", channel="rpc", service="api.other").applying == ["* = 1/m", "* = 7/h"]
    assert wb.limits.explain("9.9.9.9", channel="soap").applying == ["* = 2/m", "* = 10000/h"]
    assert wb.limits.simulate(channel="rpc", service="api.other", calls=60, seconds=3600).passed == 7
    with pytest.raises(ServiceUsage, match="leads to api.sample, api.other. Fix: add service='api.sample'"):
        wb.limits.simulate(channel="rpc", calls=10)
    with pytest.raises(ServiceUsage, match="at most 100,000 calls"):
        wb.limits.simulate(channel="soap", calls=10**6)


def test_what_is_asked_about_must_exist(wb: Workbench) -> None:
    wb.define(RESTChannel("one", service="api.sample", limit="5/m"))
    for names in ({"channel": "onne"}, {"user": "me"}, {"service": "api.smaple"}):
        for asked in (wb.limits.explain, wb.limits.simulate):
            with pytest.raises(UnknownName, match="is named"):
                asked(address="10.0.0.7", **names)
    for asked in (wb.limits.explain, wb.limits.simulate):
        with pytest.raises(ServiceUsage, match="'10.0.0.0/8' is no address. Fix: write one, as 10.0.0.7"):
            asked(address="10.0.0.0/8", channel="one")
    assert len(wb.limits.explain(None, channel="one")) == 1
    with pytest.raises(ServiceUsage, match="not how often. Fix: add calls=100"):
        wb.limits.simulate(channel="one")


def test_simulate_agrees_with_the_server(wb: Workbench) -> None:
    wb.define(
        BasicAuth("a", password=secret("PASSWORD_A"), limit="7/d"),
        RESTChannel("one", service="api.sample", security="a", limit="5/m"),
    )
    played = wb.limits.simulate(channel="one", address="127.0.0.1", calls=12, seconds=120)
    with wb.limits.frozen() as clock:
        served = []
        for _ in range(12):
            served.append(wb.call("GET /one", user="a").status == 200)
            clock.advance(10)
    assert [each.allowed for each in played] == served


def test_recorded_traffic_can_be_played_again(wb: Workbench) -> None:
    wb.define(RESTChannel("one", service="api.sample"))
    assert statuses(wb, "GET /one", 10) == [200] * 10
    wb.define(RESTChannel("one", service="api.sample", limit="4/m"))
    assert wb.limits.simulate().refused == 6


def test_a_shadow_limit_counts_logs_and_refuses_nobody(wb: Workbench) -> None:
    wb.define(RESTChannel("one", service="api.sample"), Limit("one", on="channel", lines="1/d", shadow=True))
    assert statuses(wb, "GET /one", 3) == [200] * 3
    assert sum("shadow" in line.text for line in wb.log) == 2


def test_telling_the_caller_is_per_object(wb: Workbench) -> None:
    wb.define(RESTChannel("one", service="api.sample"), Limit("one", on="channel", lines="1/m", tell_caller=True))
    refused = [wb.call("GET /one") for _ in range(2)][-1]
    assert refused.headers["Retry-After"] == "60"
    assert refused.headers["RateLimit-Policy"].endswith("q=1;w=60")


def test_an_address_on_no_line_of_an_allow_list_is_forbidden(wb: Workbench) -> None:
    wb.define(
        RESTChannel("one", service="api.sample"), Limit("one", on="channel", lines="10.0.0.0/8 = *", deny_others=True)
    )
    assert statuses(wb, "GET /one", 1, headers={"X-Forwarded-For": "10.1.2.3"}) == [200]
    assert statuses(wb, "GET /one", 1, headers={"X-Forwarded-For": "11.1.2.3"}) == [403]


def test_redefining_an_unrelated_field_keeps_the_count_and_reset_clears_it(wb: Workbench) -> None:
    wb.define(RESTChannel("one", service="api.sample", limit="2/d"))
    assert statuses(wb, "GET /one", 2) == [200, 200]
    wb.define(RESTChannel("one", service="api.sample", limit="2/d", timeout_seconds=5))
    assert statuses(wb, "GET /one", 1) == [429]
    wb.limits.reset("channel", "one")
    assert statuses(wb, "GET /one", 1) == [200]


def test_a_wrong_line_is_named_with_a_correct_one(wb: Workbench) -> None:
    with pytest.raises(InvalidDefinition, match="line 2") as raised:
        wb.define(Limit("api.sample", on="service", lines="* = 5/m\n10.0.0.x = 5/m"))
    assert "10.0.0.x" in str(raised.value)


def test_a_limit_of_nothing_and_two_limits_of_one_object_are_errors(wb: Workbench) -> None:
    with pytest.raises(DanglingReference, match=r"api\.sampel.*Did you mean 'api\.sample'"):
        wb.define(Limit("api.sampel", on="service", lines="5/m"))
    wb.define(RESTChannel("one", service="api.sample", limit="5/m"))
    with pytest.raises(NameTaken, match="keep one"):
        wb.define(Limit("one", on="channel", lines="5/m"))


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
def test_counters_shared_by_two_workbenches_count_together(tmp_path: Any, kind: str) -> None:
    url = f"sqlite:///{tmp_path}/counters.db" if kind == "sqlite" else "memory://"
    with Workbench("app", port=0, counters=url) as first, Workbench("app", port=0, counters=url) as second:
        for wb in (first, second):
            wb.deploy(Sample)
            wb.define(RESTChannel("one", service="api.sample", limit="10/d"))
        passed = sum(each.call("GET /one").status == 200 for _ in range(8) for each in (first, second))
        assert passed == (10 if kind == "sqlite" else 16)
