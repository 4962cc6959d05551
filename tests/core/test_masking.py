"""Values of secrets become `***`, in each form in which text may hold them."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus, urlencode

import pytest

from workbench.core.masking import LEAST, MARK, Masker

VALUES = ("hunter2-Canary11", "pa ss/w+rd?&=%\"'<>", "grüße-żółć-密码", "back\\slash\ttab", "a+b/c==x")


@pytest.fixture
def masker() -> Masker:
    return Masker()


@pytest.mark.parametrize("value", VALUES)
def test_every_form_of_a_value_is_masked(masker: Masker, value: str) -> None:
    masker.learn(value)
    forms = [
        value,
        quote(value),
        quote(value, safe=""),
        quote_plus(value),
        urlencode({"api_key": value}),
        json.dumps({"key": value}),
        json.dumps({"key": value}, ensure_ascii=False),
        repr({"key": value}),
        html.escape(value),
        value.encode().decode("latin-1"),
    ]
    for form in forms:
        hidden = masker.mask(f"before {form} after")
        assert hidden.startswith("before ")
        assert hidden.endswith(" after")
        assert MARK in hidden
        assert value not in hidden
        assert form not in hidden


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("after", ["", "!", "ab"])
def test_base64_of_a_value_within_other_bytes_leaves_nothing(
    masker: Masker, value: str, before: int, after: str
) -> None:
    masker.learn(value)
    raw = ("u" * before + value + after).encode()
    for coded in (base64.b64encode(raw), base64.urlsafe_b64encode(raw), base64.b64encode(raw).rstrip(b"=")):
        assert masker.mask(f"Basic {coded.decode()}, next") == "Basic ***, next"


def test_short_and_empty_values_mask_nothing(masker: Masker) -> None:
    for value in ("", "a", "1234", "x" * (LEAST - 1)):
        masker.learn(value)
    assert masker.mask("port 1234 xxxxx at 12:34") == "port 1234 xxxxx at 12:34"


def test_basic_auth_hides_even_a_short_password(masker: Masker) -> None:
    masker.learn_pair("ada", "pw")
    assert masker.mask("{'Authorization': 'Basic YWRhOnB3'}") == "{'Authorization': 'Basic ***'}"


def test_a_value_that_holds_another_is_masked_whole(masker: Masker) -> None:
    masker.learn("canary")
    masker.learn("canary-of-the-mine")
    assert masker.mask("canary-of-the-mine") == MARK


def test_each_line_of_a_key_is_masked_and_its_frame_stays(masker: Masker) -> None:
    masker.learn("-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n")
    assert masker.mask("-----BEGIN KEY-----, kqhkiG9w0BAQEF") == "-----BEGIN KEY-----, ***"


def test_other_text_stays_as_it_is(masker: Masker) -> None:
    masker.learn("hunter2-Canary11")
    text = "uploaded invoice.csv [10233 bytes] to /in/2026/11, hunter2 and Canary11"
    assert masker.mask(text) is text
