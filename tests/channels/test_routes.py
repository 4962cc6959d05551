"""Paths find their channel, whatever letters they hold."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.channels.definition import PLACEHOLDER
from workbench.channels.rest import METHODS, RESTChannel
from workbench.channels.routes import Pattern, Routes
from workbench.core.errors import BadRequest, InvalidDefinition, MethodNotAllowed, NotFound, PathTaken


class On:
    """What a route leads to."""

    def __init__(self, path: str, method: str = "", *, match_slash: bool = False, name: str = "") -> None:
        self.channel = RESTChannel(name or path, path=path, service="s", method=method, match_slash=match_slash)

    def __repr__(self) -> str:
        return repr(self.channel)


def found(routes: Routes[On], method: str, path: str) -> tuple[str, dict[str, str]]:
    endpoint, params = routes.find(method, path)
    return endpoint.channel.name, params


def allowed(routes: Routes[On], method: str, path: str) -> list[str]:
    with pytest.raises(MethodNotAllowed) as refused:
        routes.find(method, path)
    return list(refused.value.allow)


LEGAL = "azAZ09-._~!$&'()*+,;=:@"


@pytest.mark.parametrize("value", [*LEGAL, "a b", "ł", "😀", "a%b", "a/b", "100%", "?", "#", "{x}", '"', "\n", "%2F"])
def test_a_parameter_holds_any_character(value: str) -> None:
    routes = Routes([On("/api/{name}/x")])
    raw = quote(value, safe="") if value not in LEGAL else value
    assert found(routes, "GET", f"/api/{raw}/x") == ("/api/{name}/x", {"name": value})


@pytest.mark.parametrize(
    ("path", "raw"),
    [
        ("/café/{x}", "/caf%C3%A9/1"),
        ("/café/{x}", "/caf\u00c3\u00a9/1"),
        ("/caf%C3%A9/{x}", "/caf%C3%A9/1"),
        ("/100%25/{x}", "/100%25/1"),
        ("/100%/{x}", "/100%25/1"),
        ("/a%2Fb/{x}", "/a%2fb/1"),
        ("/A/{x}", "/%41/1"),
    ],
)
def test_a_literal_part_is_found_however_it_is_encoded(path: str, raw: str) -> None:
    assert found(Routes([On(path)]), "GET", raw) == (path, {"x": "1"})
    fixed = path.replace("{x}", "1")
    assert found(Routes([On(fixed)]), "GET", raw) == (fixed, {})


@pytest.mark.parametrize("raw", ["/p/%ff", "/p/\xff", "/p/%C3", "/nowhere/%E9", "/p/☃"])
def test_a_path_that_is_not_utf_8_is_the_callers_error(raw: str) -> None:
    with pytest.raises(BadRequest, match="The path is not UTF-8"):
        Routes([On("/p/{x}")]).find("GET", raw)


def test_an_encoded_slash_is_no_slash() -> None:
    routes = Routes([On("/a/b"), On("/a/{x}/c")])
    with pytest.raises(NotFound):
        routes.find("GET", "/a%2Fb")
    assert found(routes, "GET", "/a/x%2Fy/c") == ("/a/{x}/c", {"x": "x/y"})


def test_slashes_match_only_where_the_channel_says_so() -> None:
    routes = Routes([On("/files/{path}", match_slash=True), On("/one/{name}")])
    assert found(routes, "GET", "/files/a/b/c.txt") == ("/files/{path}", {"path": "a/b/c.txt"})
    for path in ("/one/a/b", "/one/", "/files/", "/files"):
        with pytest.raises(NotFound):
            routes.find("GET", path)


def test_the_most_specific_path_wins() -> None:
    routes = Routes(
        [On("/{all}", match_slash=True), On("/api/{x}"), On("/api/{x}/new"), On("/api/me"), On("/api/{x}.{kind}")]
    )
    assert found(routes, "GET", "/api/me")[0] == "/api/me"
    assert found(routes, "GET", "/api/you")[0] == "/api/{x}"
    assert found(routes, "GET", "/api/you/new")[0] == "/api/{x}/new"
    assert found(routes, "GET", "/api/a.b.csv") == ("/api/{x}.{kind}", {"x": "a.b", "kind": "csv"})
    assert found(routes, "GET", "/other/place")[0] == "/{all}"


def test_a_less_specific_path_gets_its_chance_with_a_method_it_allows() -> None:
    routes = Routes([On("/api/me", "GET"), On("/api/{x}", "POST"), On("/{all}", "DELETE,GET", match_slash=True)])
    assert found(routes, "GET", "/api/me")[0] == "/api/me"
    assert found(routes, "POST", "/api/me") == ("/api/{x}", {"x": "me"})
    assert found(routes, "DELETE", "/api/me")[0] == "/{all}"
    assert allowed(routes, "PUT", "/api/me") == ["DELETE", "GET", "HEAD", "POST"]
    assert allowed(routes, "PUT", "/other") == ["DELETE", "GET", "HEAD"]


def test_head_is_answered_by_its_own_channel_or_by_gets() -> None:
    get, head = On("/x", "GET", name="get"), On("/x", "HEAD", name="head")
    assert found(Routes([get]), "HEAD", "/x")[0] == "get"
    for endpoints in ([get, head], [head, get]):
        assert found(Routes(endpoints), "HEAD", "/x")[0] == "head"


def test_no_method_means_the_known_ones() -> None:
    routes = Routes([On("/x")])
    for method in METHODS:
        assert found(routes, method, "/x")[0] == "/x"
    assert allowed(routes, "BREW", "/x") == sorted(METHODS)


@pytest.mark.parametrize("methods", ["get, post", ["get", "POST"], ("GET", "post")])
def test_methods_may_be_written_in_every_usual_way(methods: Any) -> None:
    assert RESTChannel("x", method=methods).methods == ("GET", "POST")
    assert RESTChannel("x", method={"get"}).methods == ("GET",)


def test_methods_of_one_path_go_to_their_channels() -> None:
    routes = Routes([On("/o/{id}", "GET", name="read"), On("/o/{number}", "PUT,PATCH", name="write")])
    assert found(routes, "GET", "/o/1") == ("read", {"id": "1"})
    assert found(routes, "PATCH", "/o/1") == ("write", {"number": "1"})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (On("/x", name="a"), On("/x", name="b")),
        (On("/x", "GET", name="a"), On("/x", name="b")),
        (On("/x", "GET,POST", name="a"), On("/x", "POST", name="b")),
        (On("/o/{id}", name="a"), On("/o/{number}", name="b")),
        (On("/café", name="a"), On("/caf%C3%A9", name="b")),
        (On("/café/{x}", name="a"), On("/caf%c3%a9/{y}", name="b")),
    ],
)
def test_two_channels_of_one_address_are_refused(first: On, second: On) -> None:
    with pytest.raises(PathTaken, match="Channels 'a' and 'b' both answer .* Fix: give one of them another path"):
        Routes([first, second])


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("api", "must begin with /"),
        ("/a b", "no space"),
        ("/a?b=1", "no space, \\? or #"),
        ("/{a}/{a}", "different"),
        ("/{a b}", "each a word"),
        ("/{1a}", "each a word"),
        ("/{}", "each a word"),
        ("/{a", "brace without its partner"),
        ("/a}", "brace without its partner"),
        ("/ping", "the server's own"),
        ("/workbench/x", "the server's own"),
    ],
)
def test_a_path_that_cannot_work_is_refused(path: str, problem: str) -> None:
    with pytest.raises(InvalidDefinition, match=problem):
        RESTChannel("x", path=path)


def test_the_time_for_a_strangers_path_grows_no_faster_than_its_length() -> None:
    routes = Routes([On("/{a}-{b}-{c}-{d}/x"), On("/{e}/{f}/{g}!", match_slash=True)])

    def seconds(length: int) -> float:
        began = time.thread_time()
        for path in ("/" + "-" * length, "/" + "/" * length, "/" + "-/" * (length // 2)):
            with pytest.raises(NotFound):
                routes.find("GET", path)
        return time.thread_time() - began

    # Eight times the length: 8 times the time if it is linear, 64 times if it is quadratic.
    short, long = (min(seconds(length) for _ in range(5)) for length in (500_000, 4_000_000))
    assert long < 30 * short


pieces = st.text(alphabet="ab/-", max_size=3)


@given(st.lists(pieces, min_size=2, max_size=4), st.text(alphabet="ab/-", max_size=8), st.booleans())
def test_matching_agrees_with_a_regular_expression(literals: list[str], path: str, slashes: bool) -> None:
    definition = "/" + "".join(f"{literal}{{p{i}}}" for i, literal in enumerate(literals[:-1])) + literals[-1]
    raw = f"/{path}"
    pattern: Pattern[On] = Pattern(RESTChannel("x", path=definition, service="s", match_slash=slashes))
    inside = "(.+)" if slashes else "([^/]+)"
    oracle = re.compile(inside.join(map(re.escape, PLACEHOLDER.split(definition)[0::2])))
    match = oracle.fullmatch(raw)
    assert pattern.match(raw) == (list(match.groups()) if match else None)


segments = st.sampled_from(["a", "b", "{x}", "{y}"])
methods = st.sampled_from(["", "GET", "POST", "GET,PUT"])


@given(
    st.lists(st.tuples(st.lists(segments, min_size=1, max_size=3, unique=True), methods), max_size=5),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3),
    st.sampled_from(["GET", "POST", "DELETE", "HEAD"]),
)
def test_a_request_finds_a_channel_that_matches_it_or_none_does(
    defined: list[tuple[list[str], str]], asked: list[str], method: str
) -> None:
    endpoints = [On("/" + "/".join(path), verbs, name=str(i)) for i, (path, verbs) in enumerate(defined)]
    try:
        routes = Routes(endpoints)
    except PathTaken:
        return
    on_path = [
        each
        for each, (path, _) in zip(endpoints, defined, strict=True)
        if len(path) == len(asked) and all(p.startswith("{") or p == a for p, a in zip(path, asked, strict=True))
    ]
    able = [
        each
        for each in on_path
        if method in (each.channel.methods or METHODS) or (method == "HEAD" and "GET" in each.channel.methods)
    ]
    path = "/" + "/".join(asked)
    if able:
        endpoint, params = routes.find(method, path)
        assert endpoint in able
        template = endpoint.channel.path
        assert template.format(**params) == path
        literals = max(len(PLACEHOLDER.sub("", each.channel.path)) for each in able)
        assert len(PLACEHOLDER.sub("", template)) == literals
    elif on_path:
        assert method not in allowed(routes, method, path)
    else:
        with pytest.raises(NotFound):
            routes.find(method, path)
