"""Web pages of other sites and strangers' host names stay out."""

from __future__ import annotations

import pytest

from workbench.channels.guard import TOKEN_HEADER, Guard
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


def test_no_host_at_all_is_no_request() -> None:
    with pytest.raises(BadRequest, match="Host header is missing"):
        GUARD.check(Headers())
