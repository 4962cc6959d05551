"""A definition checks itself whole: one error lists every bad field."""

from __future__ import annotations

import copy
import pickle
from typing import Annotated, ClassVar, Literal

import pytest
from msgspec import Meta, field

from workbench.core.definition import Definition
from workbench.core.errors import InvalidDefinition
from workbench.core.secret import PlainSecretWarning, Secret, secret


class Thing(Definition, tag="thing", frozen=True, kw_only=True):
    kind: ClassVar[str] = "Thing"
    collection: ClassVar[str] = "things"

    port: Annotated[int, Meta(ge=1, le=65535)]
    mode: Literal["plain", "ssl"] = "plain"
    wait_seconds: Annotated[float, Meta(gt=0)] = 5.0
    password: Secret | str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    first: str = ""
    second: str = ""

    def problems(self) -> dict[str, str]:
        return {"second": "needs first"} if self.second and not self.first else {}


def problems(**fields: object) -> dict[str, str]:
    with pytest.raises(InvalidDefinition) as failure:
        Thing("x", **fields)
    return failure.value.problems


def test_every_bad_field_is_listed_at_once() -> None:
    assert problems(port=0, mode="tls", wait_seconds=0, headers=5).keys() == {"port", "mode", "wait_seconds", "headers"}
    found = problems(prt=5, mode="tls", frist=1, zzz=2)
    assert found == {
        "prt": "is not a field; did you mean 'port'?",
        "frist": "is not a field; did you mean 'first'?",
        "zzz": "is not a field; the fields are name, port, mode, wait_seconds, password, headers, first, second",
        "port": "is missing",
        "mode": "must be one of 'plain', 'ssl', not 'tls'",
    }


def test_the_error_names_kind_and_object() -> None:
    with pytest.raises(InvalidDefinition, match=r"^Thing 'x' is not valid: port expected `int` >= 1\.$"):
        Thing("x", port=0)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, 5, "two\nlines", "nul\0"])
def test_a_name_is_printable_text_of_a_sensible_length(name: object) -> None:
    with pytest.raises(InvalidDefinition, match="name"):
        Thing(name, port=1)  # type: ignore[arg-type]


def test_only_the_name_comes_without_a_keyword() -> None:
    with pytest.raises(InvalidDefinition, match="arguments take one name without a keyword, not 2 values"):
        Thing("x", 5)  # type: ignore[misc]


def test_a_pattern_is_explained_and_a_secret_says_what_it_may_be() -> None:
    class Reached(Definition, tag="reached", frozen=True, kw_only=True):
        host: Annotated[str, Meta(pattern="^https?://", description="Scheme and host, as https://example.com.")]
        key: Secret | str

    with pytest.raises(InvalidDefinition) as failure:
        Reached("x", host="example.com", key=5)
    assert failure.value.problems["host"].endswith(": Scheme and host, as https://example.com")
    assert failure.value.problems["key"] == "must be secret('NAME') or text, not int"


def test_fields_are_checked_together_once_each_is_valid() -> None:
    assert problems(port=1, second="b") == {"second": "needs first"}
    assert problems(port=0, second="b").keys() == {"port"}


def test_a_changed_copy_is_checked_again() -> None:
    thing = Thing("x", port=1)
    assert thing.replace(port=2) == Thing("x", port=2)
    with pytest.raises(InvalidDefinition, match="prt is not a field; did you mean 'port'"):
        thing.replace(prt=2)
    with pytest.raises(InvalidDefinition, match="port"):
        thing.replace(port=0)


class Placed(Definition, tag="placed", frozen=True):
    """One whose fields could be given by position, and may not."""

    where: str


@pytest.mark.parametrize("made", [Placed("x", where="here"), Thing("x", port=1, headers={"A": "b"})])
def test_it_can_be_copied_and_sent_to_another_process(made: Definition) -> None:
    for again in (pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy(made)):
        assert again == made


def test_its_code_says_only_what_differs_from_the_defaults() -> None:
    thing = Thing("x", port=1, password=secret("P"), wait_seconds=5.0)
    assert repr(thing) == thing.to_code() == 'Thing("x", port=1, password=secret("P"))'
    assert eval(repr(thing), {"Thing": Thing, "secret": secret}) == thing
    assert str(thing) == "Thing 'x'"


def test_a_plain_secret_warns_and_is_never_shown() -> None:
    with pytest.warns(PlainSecretWarning, match="Thing 'x' password was given as plain text") as warned:
        thing = Thing("x", port=1, password="hunter2")
    assert "hunter2" not in repr(thing) + str(thing) + str(warned[0].message)
    assert isinstance(thing.password, Secret)


def test_another_plain_secret_makes_another_definition_and_the_same_the_same() -> None:
    def thing(password: str) -> Thing:
        with pytest.warns(PlainSecretWarning):
            return Thing("edited", port=1, password=password)

    assert thing("a") == thing("a")
    assert thing("a") != thing("b")
    assert thing("b") == thing("b")


def test_an_empty_secret_is_no_secret() -> None:
    assert problems(port=1, password="") == {"password": "must not be empty"}


def test_a_bad_field_beside_a_secret_does_not_show_the_secret() -> None:
    with pytest.raises(InvalidDefinition) as failure:
        Thing("x", prt=1, password="hunter2")
    assert "hunter2" not in str(failure.value)
