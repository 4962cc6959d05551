from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
import pytest
from msgspec import Meta

from tests.ui.definitions import CLASSES
from workbench.core.definition import Definition
from workbench.core.secret import Secret
from workbench.ui.forms.fields import Field, Wrong, fields_of, label_of, typed
from workbench.ui.forms.reading import read


class Sample(Definition, frozen=True, kw_only=True, tag="sample"):
    """One field of each kind."""

    kind: ClassVar[str] = "Sample"

    word: Annotated[str, Meta(max_length=5, pattern="^[a-z]+$", description="Small letters.")]
    text: Annotated[str, Meta(max_length=9000)] = ""
    count: Annotated[int, Meta(ge=1, le=9)] = 3
    part: Annotated[float, Meta(gt=0, le=1)] = 0.5
    on: bool = True
    mode: Annotated[Literal["plain", "ssl", "starttls"], Meta(description="How.")] = "plain"
    password: Annotated[Secret | str | None, Meta(description="Secret.")] = None
    tags: Annotated[str | tuple[str, ...], Meta(description="Some.")] = ()
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    maybe: Annotated[Annotated[int, Meta(ge=5)] | None, Meta(description="Perhaps.")] = None


def field(name: str) -> Field:
    return next(each for each in fields_of(Sample) if each.name == name)


def test_each_type_has_its_kind_of_field() -> None:
    kinds = {each.name: each.kind for each in fields_of(Sample)}
    assert kinds == {
        "name": "text",
        "word": "text",
        "text": "long text",
        "count": "integer",
        "part": "number",
        "on": "flag",
        "mode": "choice",
        "password": "secret",
        "tags": "names",
        "headers": "pairs",
        "maybe": "integer",
    }


def test_bounds_descriptions_and_choices_come_from_the_annotation() -> None:
    assert (field("count").least, field("count").most, field("part").above) == (1, 9, 0)
    assert (field("maybe").least, field("maybe").optional, field("maybe").description) == (5, True, "Perhaps.")
    assert field("mode").choices == ("plain", "ssl", "starttls")
    assert (field("word").required, field("word").longest, field("word").pattern) == (True, 5, "^[a-z]+$")


def test_the_first_six_fields_are_shown_at_once_and_required_ones_are_among_them() -> None:
    for cls in CLASSES.values():
        fields = fields_of(cls)
        assert [each.more for each in fields] == [place >= 6 for place in range(len(fields))]
        assert not any(each.required and each.more for each in fields)


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_definition_has_a_form_whose_fields_say_what_they_take(name: str) -> None:
    cls = CLASSES[name]
    fields = fields_of(cls)
    assert sorted(each.name for each in fields) == sorted(cls.__struct_fields__)
    assert [each.name for each in fields if not each.description] == []
    msgspec.json.encode(list(fields))


def test_references_name_the_collection_they_come_from() -> None:
    refers = {each.name: each.refers for each in fields_of(CLASSES["RESTChannel"]) if each.refers}
    assert refers == {"service": "services", "security": "security"}
    assert {each.name: each.refers for each in fields_of(CLASSES["IntervalJob"]) if each.refers} == {
        "service": "services"
    }


def test_a_default_secret_is_shown_by_its_name_alone() -> None:
    assert field("password").default is None
    assert typed(field("password"), " MY_PASSWORD ") == Secret("MY_PASSWORD")


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("count", " 4 ", 4),
        ("count", 4, 4),
        ("part", "0.25", 0.25),
        ("on", False, False),
        ("on", "true", True),
        ("mode", "ssl", "ssl"),
        ("tags", "a, b c", ("a", "b", "c")),
        ("tags", ["a"], ("a",)),
        ("headers", "X-A: 1\n\nX-B: a:b", {"X-A": "1", "X-B": "a:b"}),
        ("text", "  kept as it is ", "  kept as it is "),
        ("word", " abc ", "abc"),
        ("maybe", "", None),
        ("count", None, None),
    ],
)
def test_what_is_typed_becomes_a_value_of_the_right_type(name: str, given: object, value: object) -> None:
    assert typed(field(name), given) == value


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("word", "", "is missing"),
        ("word", "abcdef", "has 6 characters; at most 5 fit"),
        ("word", "ABC", "does not fit. Small letters."),
        ("count", "4.5", "must be a whole number, not '4.5'"),
        ("count", "0", "must be 1 or more"),
        ("count", "10", "must be 9 or less"),
        ("count", True, "must be a whole number, not 'True'"),
        ("part", "soon", "must be a number, not 'soon'"),
        ("part", "inf", "must be a number, not 'inf'"),
        ("part", "0", "must be more than 0"),
        ("on", "perhaps", "must be yes or no"),
        ("mode", "tls", "must be one of plain, ssl, starttls"),
        ("headers", "X-A: 1\nno colon", "line 2 must be `Name: value`"),
        ("maybe", "4", "must be 5 or more"),
    ],
)
def test_what_cannot_be_a_value_says_what_can(name: str, given: object, said: str) -> None:
    with pytest.raises(Wrong) as wrong:
        typed(field(name), given)
    assert str(wrong.value) == said


def test_a_secret_typed_where_its_name_belongs_is_not_repeated() -> None:
    with pytest.raises(Wrong) as wrong:
        typed(field("password"), "hunter2 !")
    assert "hunter2" not in str(wrong.value)
    assert "never the secret itself" in str(wrong.value)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("timeout_seconds", "Timeout [s]"),
        ("max_body_bytes", "Max body [bytes]"),
        ("from_", "From"),
        ("verify_tls", "Verify TLS"),
        ("api_key_header", "API key header"),
        ("data_format", "Data format"),
    ],
)
def test_labels_are_words(name: str, label: str) -> None:
    assert label_of(name) == label


def test_of_words_that_may_be_left_out_none_is_chosen_at_first() -> None:
    by_name = {each.name: each for each in fields_of(CLASSES["RESTChannel"])}
    said = by_name["data_format"]
    assert (said.kind, said.default, said.choices) == ("choice", None, ("", "json", "form", "raw"))
    assert (typed(said, ""), typed(said, None), typed(said, "json")) == (None, None, "json")
    with pytest.raises(Wrong, match="must be one of json, form, raw"):
        typed(said, "yaml")
    for given, read_as in (("", None), ("json", "json")):
        found = read(CLASSES["RESTChannel"], {"name": "x", "data_format": given}).definition
        assert found is not None
        assert found.data_format == read_as
