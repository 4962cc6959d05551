"""Basic Auth and API keys: every right header passes, no other does."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.errors import InvalidDefinition, Unauthorized
from workbench.core.payload.request import Headers
from workbench.core.secret import Secret, secret
from workbench.security.definitions import APIKey, APIKeyVerifier, BasicAuth, BasicAuthVerifier, basic


def user(password: str = "pass:word", username: str = "", realm: str = "workbench") -> BasicAuthVerifier:
    definition = BasicAuth("my.user", password=secret("P"), username=username, realm=realm)
    return definition.verifier(lambda wanted, owner: {"P": password}[wanted.name])


def passes(verifier: BasicAuthVerifier | APIKeyVerifier, **headers: str) -> bool:
    try:
        verifier.verify(Headers({name.replace("_", "-"): value for name, value in headers.items()}))
    except Unauthorized:
        return False
    return True


def encoded(pair: str | bytes) -> str:
    return base64.b64encode(pair.encode() if isinstance(pair, str) else pair).decode()


@pytest.mark.parametrize(
    "header",
    [
        f"Basic {encoded('my.user:pass:word')}",
        f"basic {encoded('my.user:pass:word')}",
        f"BASIC  {encoded('my.user:pass:word')} ",
    ],
)
def test_the_right_pair_passes_however_the_scheme_is_written(header: str) -> None:
    assert passes(user(), Authorization=header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        f"Bearer {encoded('my.user:pass:word')}",
        f"Basic {encoded('my.user:pass')}",
        f"Basic {encoded('my.user')}",
        f"Basic {encoded('my.user:')}",
        f"Basic {encoded(':pass:word')}",
        f"Basic {encoded('My.user:pass:word')}",
        f"Basic {encoded('my.user:pass:word ')}",
        f"Basic {encoded('my.user:pass:word')}x",
        f"Basic !{encoded('my.user:pass:word')}",
        "Basic my.user:pass:word",
        "Basic ł",
        encoded("my.user:pass:word"),
    ],
)
def test_nothing_else_passes(header: str) -> None:
    assert not passes(user(), Authorization=header)


def test_no_header_is_challenged_with_the_realm() -> None:
    with pytest.raises(Unauthorized) as refused:
        user(realm="Orders").verify(Headers())
    assert refused.value.headers() == [("WWW-Authenticate", 'Basic realm="Orders", charset="UTF-8"')]
    assert refused.value.details == "Unauthorized"


@given(st.text(min_size=1, max_size=20).filter(lambda name: ":" not in name), st.text(min_size=1), st.text(min_size=1))
def test_any_user_and_password_pass_and_any_other_does_not(name: str, password: str, other: str) -> None:
    try:
        header, wrong = basic(name, password), basic(name, other)
    except UnicodeEncodeError:
        return  # half of a surrogate pair is no text
    verifier = user(password, name)
    assert passes(verifier, Authorization=header)
    assert passes(verifier, Authorization=header.replace("Basic", "bAsIc"))
    assert passes(verifier, Authorization=wrong) is (password == other)


@given(st.binary(max_size=30))
def test_any_bytes_are_refused_and_never_an_error(given_bytes: bytes) -> None:
    verifier = user()
    assert not passes(verifier, Authorization=given_bytes.decode("latin-1"))
    assert not passes(verifier, Authorization=f"Basic {given_bytes.decode('latin-1')}")
    assert not passes(verifier, Authorization=f"Basic {encoded(given_bytes)}")


def key(value: str = "k-ł-1", header: str = "X-API-Key") -> APIKeyVerifier:
    return APIKey("my.key", key=secret("K"), header=header).verifier(lambda wanted, owner: value)


def test_an_api_key_passes_in_its_header_alone() -> None:
    on_the_wire = "k-ł-1".encode().decode("latin-1")
    assert passes(key(), X_API_Key=on_the_wire)
    assert passes(key(header="X-Own"), X_Own=on_the_wire)
    assert not passes(key(header="X-Own"), X_API_Key=on_the_wire)
    for wrong in ("", "k", on_the_wire + " ", on_the_wire.upper()):
        assert not passes(key(), X_API_Key=wrong)


def test_an_empty_key_never_passes() -> None:
    assert not passes(key(""), X_API_Key="")
    assert not passes(key(""))


def test_a_key_is_challenged_with_its_header() -> None:
    with pytest.raises(Unauthorized) as refused:
        key(header="X-Own").verify(Headers())
    assert refused.value.headers() == [("WWW-Authenticate", 'ApiKey header="X-Own"')]


def test_a_user_calls_with_what_the_verifier_takes() -> None:
    def reveal(wanted: Secret, owner: str) -> str:
        return {"P": "pässword", "K": "key"}[wanted.name]

    for definition in (BasicAuth("u", password=secret("P")), APIKey("k", key=secret("K"), header="X-Own")):
        definition.verifier(reveal).verify(Headers(definition.credentials(reveal)))


def test_a_user_is_known_by_name_type_and_username() -> None:
    assert (user(username="joe").user.name, user(username="joe").user.username) == ("my.user", "joe")
    assert (user().user.type, key().user.type) == ("basic_auth", "apikey")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"password": secret("P"), "username": "a:b"}, "username"),
        ({"password": secret("P"), "realm": 'a"b'}, "realm"),
        ({"password": secret("P"), "realm": "a\r\nX: 1"}, "realm"),
        ({}, "password is missing"),
        ({"passwrd": secret("P")}, "passwrd is not a field; did you mean 'password'"),
    ],
)
def test_a_definition_that_cannot_work_is_refused(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidDefinition, match=problem):
        BasicAuth("u", **fields)


def test_a_name_with_a_colon_needs_a_username() -> None:
    with pytest.raises(InvalidDefinition, match="username"):
        BasicAuth("a:b", password=secret("P"))
    assert BasicAuth("a:b", password=secret("P"), username="ab").username == "ab"


def test_a_header_of_a_key_is_a_header_name() -> None:
    with pytest.raises(InvalidDefinition, match="header"):
        APIKey("k", key=secret("K"), header="X Own:")
