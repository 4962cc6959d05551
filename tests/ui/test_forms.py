from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.ui.definitions import CLASSES, values_of
from workbench.ui.forms.fields import Field, fields_of
from workbench.ui.forms.reading import filled, form_of, read


def wrong_for(field: Field) -> Any:
    """A text that this field cannot take, if there is one."""
    if field.kind in ("integer", "number"):
        return "many"
    if field.kind == "flag":
        return "perhaps"
    if field.kind == "choice":
        return "neither"
    if field.kind == "secret":
        return "not a name!"
    if field.kind == "pairs":
        return "no colon"
    if field.required:
        return ""
    return "\n" if field.pattern and field.pattern.startswith("^") and field.longest is None else None


@pytest.mark.parametrize("name", CLASSES)
def test_a_filled_form_makes_the_definition(name: str) -> None:
    found = read(CLASSES[name], {"name": "x", **values_of(name)})
    assert found.problems == {}
    assert isinstance(found.definition, CLASSES[name])


@pytest.mark.parametrize("name", CLASSES)
def test_an_untouched_form_with_its_required_fields_makes_the_defaults(name: str) -> None:
    cls = CLASSES[name]
    form = form_of(cls, {"name": "x", **values_of(name)})
    json.dumps(form)
    found = read(cls, {each["name"]: each["value"] for each in form["fields"]})
    assert found == read(cls, {"name": "x", **values_of(name)})


@pytest.mark.parametrize("name", CLASSES)
def test_every_field_of_a_form_has_a_label_help_its_unit_and_its_default(name: str) -> None:
    cls, given = CLASSES[name], {"name": "x", **values_of(name)}
    made = read(cls, given).definition
    assert made is not None
    fields, defaults = form_of(cls, {})["fields"], filled(made)
    assert {each["name"] for each in fields} == set(cls.__struct_fields__)
    labels = [each["label"] for each in fields]
    assert len(set(labels)) == len(labels), "two fields of a form are told apart"
    for each in fields:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9 ]*( \[(s|bytes)\])?", each["label"])
        assert each["description"].endswith("."), each["name"]
        units = re.findall(r"\[(s|bytes)\]", each["description"])
        assert units == [] or f"[{units[0]}]" in each["label"], f"{each['name']} has its unit beside it"
        assert each["name"].endswith(("_seconds", "_bytes")) == each["label"].endswith(("[s]", "[bytes]"))
        if each["name"] not in given and not each["required"]:
            assert each["value"] == each["default"], each["name"]
            # What a class fills in itself, once it knows its name, its help tells.
            assert each["default"] == defaults[each["name"]] or "empty: " in each["description"], each["name"]


@pytest.mark.parametrize("name", CLASSES)
def test_a_form_with_every_field_wrong_names_every_field_at_once(name: str) -> None:
    cls = CLASSES[name]
    wrong = {each.name: bad for each in fields_of(cls) if (bad := wrong_for(each)) is not None}
    found = read(cls, wrong)
    assert found.definition is None
    expected = [each for each in wrong if wrong[each] != "\n"]
    assert [each for each in expected if each not in found.problems] == []
    order = [each.name for each in fields_of(cls)]
    assert list(found.problems) == sorted(found.problems, key=order.index)


def test_what_is_wrong_between_fields_is_said_beside_what_is_wrong_in_one() -> None:
    given = {"name": "x", "service": "api.x", "path": "no slash", "method": "PUSH", "timeout_seconds": "soon"}
    assert set(read(CLASSES["RESTChannel"], given).problems) == {"path", "method", "timeout_seconds"}


def test_a_sentence_that_says_name_is_not_taken_for_one_about_the_field() -> None:
    given = {"name": "", "host": "a b", "from_": "nobody", "password": "not a name!", "port": "many"}
    assert set(read(CLASSES["SMTPConnection"], given).problems) == set(given)


def test_a_field_is_not_blamed_for_another_one_that_is_wrong_alone() -> None:
    given = {"name": "x", "host": "smtp.example.com", "username": "u", "password": "not a name!"}
    assert set(read(CLASSES["SMTPConnection"], given).problems) == {"password"}


def test_every_bad_schedule_field_is_named() -> None:
    given = {"name": "", "service": "api.x", "cron": "0 25 * * *", "timezone": "Mars", "start": "soon", "repeats": "0"}
    found = read(CLASSES["CronJob"], given)
    assert set(found.problems) == {"name", "cron", "timezone", "start", "repeats"}
    assert "hour '25'" in found.problems["cron"]


def test_fields_named_first_are_shown_and_the_rest_wait_under_more() -> None:
    form = form_of(CLASSES["RESTChannel"], {"name": "x"}, first=("path", "name"))
    assert [each["name"] for each in form["fields"]][:2] == ["path", "name"]
    assert [each["name"] for each in form["fields"] if not each["more"]] == ["path", "name"]
