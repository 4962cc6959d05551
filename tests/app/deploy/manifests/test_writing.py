"""What is written reads back as equal definitions: of every kind, with any value in every field."""

from __future__ import annotations

import os
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from tests.app.test_internal_services import FIELDS
from workbench import FileChannel, Limit, OneTimeJob, RESTChannel, RESTConnection, secret
from workbench.app.deploy.manifests.kinds import kinds
from workbench.app.deploy.manifests.reading import manifest_in, manifest_of
from workbench.app.deploy.manifests.writing import text_of
from workbench.core.definition import Definition, field_types
from workbench.core.errors import InvalidDefinition
from workbench.core.secret import Secret

EXAMPLES = 100 if os.environ.get("WORKBENCH_SOAK") else 5
LEAST = FIELDS | {
    "Limit": {"on": "service", "lines": "5/m"},
    "FileChannel": {"pickup_from": "in", "services": "s"},
    "WebSocketChannel": {"service": "s"},
}
PLAUSIBLE = (
    *("no", "on", "null", "~", "", " ", "0o17", "1e3", "012", "1:30", "2035-01-01 00:00", ".5", "-", "- a", "a: b"),
    *("${X}", "$${X}", "$", "a ${X} b", "#", " # x", "<<", "=", "!x", "&a", "*a", "'", '"', "\\", "{", "[", "%", "@"),
    *("a\nb", "a\n", "\n", " a\n b", "a\r\nb", "\ta", "a\u2028b", "\u0085", "\U0001f600", "\x01", "100/m", "UTC", "/x"),
    *("Europe/Warsaw", "https://example.com", "* = 5/m\n10.0.0.0/8 = 1/s", "GET", "0 9 * * 1-5"),
)
SECRETS = st.builds(
    Secret, st.sampled_from(["NAME", "my name", "a'b", "$", "${"]), st.sampled_from(["", "Bearer ", "$${", "${"])
)
TEXTS = st.one_of(st.sampled_from(PLAUSIBLE), st.text(st.characters(exclude_categories=("Cs",)), max_size=20))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


def values(kind: Any, bounds: tuple[Meta, ...] = ()) -> st.SearchStrategy[Any]:
    """Values of a field, most of them allowed."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return st.one_of(TEXTS, st.binary(max_size=8), JSON)
    if kind is Secret:
        return SECRETS
    if kind is NoneType:
        return st.none()
    if kind is bool:
        return st.booleans()
    if kind is str:
        return TEXTS
    if kind in (int, float):
        low = next(
            (each.ge if each.ge is not None else each.gt for each in bounds if (each.ge, each.gt) != (None, None)), 0
        )
        high = next((each.le for each in bounds if each.le is not None), 100_000)
        found = st.integers(int(low), int(high)) if kind is int else st.floats(low, high, allow_nan=False)
        return found
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, UnionType):
        # Plain text is no value of a secret that a file could have.
        plain = [each for each in inner if not (each is str and Secret in inner)]
        return st.one_of([values(each, bounds) for each in plain])
    if origin in (tuple, list):
        return st.lists(values(inner[0]), max_size=3).map(origin)
    if origin is dict:
        return st.dictionaries(
            st.sampled_from(["Accept", "X-Any", "no", "a b"]),
            st.one_of([values(each) for each in get_args(inner[1]) or inner[1:]]),
            max_size=3,
        )
    metas = tuple(each for each in inner if isinstance(each, Meta))
    return values(inner[0] if inner else kind.__origin__, metas)


@st.composite
def definitions(draw: Any, cls: type[Definition]) -> Definition:
    """A definition with as many of the drawn values as it takes together."""
    fields = {"name": draw(st.sampled_from(["a", "a b", "no", "${A}", "ä: #", "5"]))} | LEAST[cls.__name__]
    fields = {key: secret(each["secret"]) if isinstance(each, dict) else each for key, each in fields.items()}
    try:
        made = cls(**fields)
    except InvalidDefinition:  # a kind that takes no such name
        made = cls(**(fields := fields | {"name": "a"}))
    for field, kind in field_types(cls).items():
        if field != "name" and draw(st.booleans()):
            try:
                made = cls(**fields | {field: draw(values(kind))})
            except InvalidDefinition:
                continue
            fields[field] = getattr(made, field)
    return made


@pytest.mark.parametrize("kind", [each for each in kinds() if each in LEAST])
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_every_kind_reads_back_of_an_enmasse_file(kind: str, data: st.DataObject, tmp_path_factory: Any) -> None:
    made = data.draw(definitions(kinds()[kind]()))
    path = tmp_path_factory.mktemp("enmasse") / "enmasse.yaml"
    path.write_bytes(text_of([made], "generated", "enmasse").encode())
    read = manifest_of(path, "enmasse.yaml", lambda name: "set")
    assert ([each.definition for each in read.items], read.said) == ([made], [])


@pytest.mark.parametrize("kind", [each for each in kinds() if each in LEAST])
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_every_kind_reads_back_as_it_was(kind: str, data: st.DataObject) -> None:
    made = data.draw(definitions(kinds()[kind]()))
    text = text_of([made], "generated")
    (read,) = manifest_in(text, "f.yaml", Path(), lambda name: None).items
    assert read.definition == made
    # Those who read YAML 1.1 see the same text in a field of text.
    written = yaml.safe_load(text)[kind][0]
    for field in made.__struct_fields__:
        if field in written and isinstance(own := getattr(made, field), str):
            assert written[field] == own.replace("${", "$${")


def test_every_kind_of_the_package_is_generated() -> None:
    assert {each for each, of in kinds().items() if of().__module__.startswith("workbench.")} == LEAST.keys()


def test_what_is_written_is_what_a_person_would_write() -> None:
    made = [
        RESTConnection("data", host="https://x.com", headers={"Authorization": secret("TOKEN", prefix="Bearer ")}),
        Limit("api.x", on="service", lines="* = 10/m\n10.0.0.0/8 = 5/s\n"),
        RESTChannel("api.x", limit="5/m"),
        OneTimeJob("once", service="api.x", start="2035-01-01 00:00"),
        FileChannel("in", pickup_from="in", services="api.x"),
    ]
    assert text_of(made, "Definitions of shop.ipynb") == (
        "# Definitions of shop.ipynb\n\n"
        "RESTChannel:\n- name: api.x\n  limit: 5/m\n\n"
        "FileChannel:\n- name: in\n  pickup_from: in\n  services: api.x\n\n"
        "Limit:\n- name: api.x\n  'on': service\n  lines: |\n    * = 10/m\n    10.0.0.0/8 = 5/s\n\n"
        "OneTimeJob:\n- name: once\n  service: api.x\n  start: 2035-01-01 00:00\n  timezone: UTC\n\n"
        "RESTConnection:\n- name: data\n  host: https://x.com\n  headers:\n    Authorization: Bearer ${TOKEN}\n"
    )


def test_nothing_is_written_of_nothing() -> None:
    assert manifest_in(text_of([], "of nothing"), "f.yaml", Path(), lambda name: None).items == []
