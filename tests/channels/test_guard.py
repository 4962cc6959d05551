"""Web pages of other sites and strangers' host names stay out."""

from __future__ import annotations

import pytest

from workbench.channels.guard import TOKEN_HEADER, Guard, UnaskedNavigation
from workbench.core.errors import BadRequest, Forbidden
from workbench.core.payload.request import Headers

GUARD = Guard("t0ken", frozenset({"Box.example"}), frozenset({"https://app.example"}))
HERE = {"Host": "localhost:11223"}


@pytest.mark.parametrize(
    "headers",
    [
        HERE,
        {"Host": "127.0.0.1:1"},
        {"Host": "[::1]:11223"},
        {"Host": "LOCALHOST"},
        {"Host": "box.example:8080"},
        {**HERE, "Sec-Fetch-Site": "none"},
        {**HERE, "Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:11223"},
        {**HERE, "Origin": "https://app.example"},
        {**HERE, "Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"},
        {"Host": "hub.example", TOKEN_HEADER: "t0ken"},
        {
            "Host": "hub.example",
            TOKEN_HEADER: "t0ken",
            "Origin": "https://hub.example",
            "Sec-Fetch-Site": "same-origin",
        },
    ],
)
def test_who_may_come_in(headers: dict[str, str]) -> None:
    for _ in range(2):
        GUARD.check(Headers(headers))


def test_a_host_name_that_is_told_is_answered_for_and_no_other() -> None:
    guard, there = Guard("t0ken"), {"Host": "Hub.example:8000", "Origin": "https://hub.example:8000"}
    with pytest.raises(Forbidden, match="host name"):
        guard.check(Headers(there))
    for each in ("hub.example", "", "*", "evil.example/", "a b", "-x-", "x" * 300):
        guard.answer_for(each)
    guard.check(Headers(there))
    guard.check(Headers({"Host": "hub.example"}))
    assert guard.hosts == {"localhost", "127.0.0.1", "[::1]", "hub.example"}
    for other in ("evil.example", "x.hub.example", "*"):
        with pytest.raises(Forbidden, match="host name"):
            guard.check(Headers({"Host": other}))


@pytest.mark.parametrize(
    "headers",
    [
        {**HERE, "Sec-Fetch-Site": "cross-site"},
        {**HERE, "Sec-Fetch-Site": "same-site"},
        {**HERE, "Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:11223"},
        {**HERE, "Origin": "http://evil.example"},
        {**HERE, "Origin": "null"},
        {**HERE, "Origin": "http://localhost:8888"},
        {**HERE, "Origin": "http://127.0.0.1:1"},
        {**HERE, "Origin": "https://hub.example", TOKEN_HEADER: "t0ken"},
        {"Host": "hub.example", TOKEN_HEADER: "t0ken", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_other_sites_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden, match="Pages of other sites"):
        GUARD.check(Headers(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "evil.example:11223"},
        {"Host": "hub.example", TOKEN_HEADER: "guess"},
        {"Host": "hub.example", TOKEN_HEADER: ""},
        {"Host": "localhost, evil.example"},
    ],
)
def test_a_foreign_host_name_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden, match="does not answer for that host name"):
        GUARD.check(Headers(headers))


CLICK = {**HERE, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}


def test_a_persons_click_on_a_page_of_this_machine_may_come_in() -> None:
    GUARD.check(Headers({**CLICK, "Sec-Fetch-Site": "same-site"}), "GET")


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
@pytest.mark.parametrize(
    "change",
    [
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Mode": "cors"},
    ],
)
def test_what_a_page_does_by_itself_is_no_click(site: str, change: dict[str, str]) -> None:
    with pytest.raises(Forbidden) as refused:
        GUARD.check(Headers({**CLICK, "Sec-Fetch-Site": site, **change}), "GET")
    assert not isinstance(refused.value, UnaskedNavigation)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", ""])
def test_a_click_that_is_no_get_stays_out(method: str) -> None:
    with pytest.raises(Forbidden) as refused:
        GUARD.check(Headers({**CLICK, "Sec-Fetch-Site": "same-site"}), method)
    assert not isinstance(refused.value, UnaskedNavigation)


@pytest.mark.parametrize(("site", "user"), [("cross-site", "?1"), ("cross-site", "?0"), ("same-site", "?0")])
def test_a_window_that_another_page_leads_here_is_asked_about(site: str, user: str) -> None:
    with pytest.raises(UnaskedNavigation):
        GUARD.check(Headers({**CLICK, "Sec-Fetch-Site": site, "Sec-Fetch-User": user}), "GET")


def test_no_click_leads_to_a_foreign_host_name() -> None:
    with pytest.raises(Forbidden, match="does not answer for that host name"):
        GUARD.check(Headers({**CLICK, "Host": "evil.example", "Sec-Fetch-Site": "same-site"}), "GET")


def test_no_host_at_all_is_no_request() -> None:
    with pytest.raises(BadRequest, match="Host header is missing"):
        GUARD.check(Headers())
