"""Errors say what happened, to which object, and how to fix it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from workbench.core import errors
from workbench.core.errors import (
    BadRequest,
    CallerError,
    InsufficientStorage,
    MethodNotAllowed,
    MissingSecret,
    NotFound,
    ServiceUnavailable,
    TimedOut,
    Unauthorized,
    UnknownName,
    listed,
)


def test_an_unknown_name_says_which_there_are_and_the_nearest() -> None:
    error = UnknownName("service", "api.smaple", ["api.tick", "api.sample"], fix="run its cell.")
    assert str(error) == (
        "No service is named 'api.smaple'; there are: api.sample, api.tick. Did you mean 'api.sample'? "
        "Fix: run its cell."
    )
    assert isinstance(error, KeyError)


def test_a_long_list_is_cut() -> None:
    assert listed(f"n{i:02}" for i in range(20)) == ", ".join(f"n{i:02}" for i in range(12)) + " and 8 more"
    assert listed([]) == "none"


def test_a_missing_secret_names_the_ways_to_set_it() -> None:
    assert str(MissingSecret("API_TOKEN", "REST 'CRM'")) == (
        "REST 'CRM' needs the secret 'API_TOKEN', which is not set. Fix: set the environment variable API_TOKEN, "
        "write API_TOKEN=... into a file .env beside the notebook, or call wb.sandbox() to play without it."
    )


def test_zatos_form_with_a_cid_is_understood() -> None:
    assert NotFound("c1", "No such order").details == "No such order"
    assert BadRequest("c1", "internal words", needs_msg=False).details == "Bad Request"
    assert BadRequest().details == "Bad Request"


def test_errors_for_callers_carry_their_headers() -> None:
    assert Unauthorized("no", challenge='Basic realm="x"').headers() == [("WWW-Authenticate", 'Basic realm="x"')]
    assert MethodNotAllowed(allow=["GET", "HEAD"]).headers() == [("Allow", "GET, HEAD")]
    assert ServiceUnavailable("busy", 7).headers() == [("Retry-After", "7")]


ANSWERED = [each for each in vars(errors).values() if isinstance(each, type) and hasattr(each, "status")]


def test_the_errors_with_a_status_are_those_of_callers_and_those_of_time_and_room() -> None:
    others = {each for each in ANSWERED if not issubclass(each, CallerError)}
    assert others == {ServiceUnavailable, InsufficientStorage, TimedOut}
    assert len(ANSWERED) > len(others) + 5


@pytest.mark.parametrize("error", ANSWERED, ids=lambda each: each.__name__)
def test_every_status_has_its_phrase(error: Any) -> None:
    # RFC 9110 renamed these two, which Python knows since 3.13.
    renamed = {413: "Content Too Large", 414: "URI Too Long"}
    assert error.phrase == renamed.get(error.status, HTTPStatus(error.status).phrase)


def test_zatos_forms_with_a_third_argument_are_understood() -> None:
    assert [BadRequest("c1", "words", shown).details for shown in (True, False)] == ["words", "Bad Request"]
    refused = Unauthorized("c1", "No", 'Basic realm="x"')
    assert (refused.details, refused.headers()) == ("No", [("WWW-Authenticate", 'Basic realm="x"')])
    for status, phrase in ((418, "I'm a Teapot"), (599, "Internal Server Error"), (503, "Service Unavailable")):
        own = CallerError("c1", "", status)
        assert (own.status, own.details, CallerError.status) == (status, phrase, 400)
    assert CallerError("c1", "No", 200).status == 400
