from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import workbench
from tests.ui.definitions import CLASSES, values_of
from workbench import HOMES, RESTChannel
from workbench.app.code import code_of
from workbench.core.definition import Definition
from workbench.core.source import literal
from workbench.ui.forms.reading import read

PUBLIC: dict[str, Any] = {name: getattr(workbench, name) for name in HOMES}


def made(name: str, **more: Any) -> Definition:
    found = read(CLASSES[name], {"name": "x", **values_of(name), **more})
    assert found.definition is not None, found.problems
    return found.definition


@pytest.mark.parametrize("name", CLASSES)
def test_code_makes_an_equal_definition(name: str) -> None:
    definition = made(name)
    assert eval(definition.to_code(), dict(PUBLIC)) == definition


@pytest.mark.parametrize("name", CLASSES)
def test_code_runs_in_a_cell_that_has_imported_nothing(name: str) -> None:
    defined: list[Definition] = []

    class wb:
        define = staticmethod(defined.append)

    definition = made(name)
    exec(code_of(definition, namespace={}), {"wb": wb})
    assert defined == [definition]


def test_code_is_as_a_person_writes_it() -> None:
    job = CLASSES["IntervalJob"]("hello", service="api.hello", hours=1, timezone="Europe/Warsaw")
    expected = 'wb.define(IntervalJob("hello", service="api.hello", hours=1, timezone="Europe/Warsaw"))'
    assert code_of(job, namespace={"IntervalJob": object}) == expected
    assert code_of(job, namespace={}) == f"from workbench import IntervalJob\n\n{expected}"


def test_the_zone_is_always_written() -> None:
    assert 'timezone="UTC"' in CLASSES["IntervalJob"]("x", service="y", hours=1).to_code()


def test_lines_of_a_limit_are_written_as_lines_and_last() -> None:
    assert made("Limit").to_code() == (
        'Limit("x", on="service", exact=False, lines="""\n* = 100/m\n10.0.0.0/8 = 500/m\n""")'
    )


def test_long_code_has_a_line_for_each_argument() -> None:
    code = made(
        "RESTConnection", path="/a/long/path/that/leads/somewhere/else/altogether", data_format="form"
    ).to_code()
    assert code.splitlines()[0] == "RESTConnection("
    assert eval(code, dict(PUBLIC)) == made(
        "RESTConnection", path="/a/long/path/that/leads/somewhere/else/altogether", data_format="form"
    )


def test_a_secret_is_written_by_its_name() -> None:
    assert 'password=secret("MY_PASSWORD")' in made("BasicAuth").to_code()
    assert code_of(made("BasicAuth"), namespace={}).startswith("from workbench import BasicAuth, secret\n")


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'with "double"',
        "with 'single'",
        "both ' and \"",
        "back\\slash\\",
        "tab\t",
        "ü \u200b \x00",
        "a\nb",
        "\na\nb\n",
        '\na\n"""\nb\n',
        '\na\nends with "',
        "\na\\n\nb\n",
        "\na\r\nb\n",
        ("one",),
        ("a", "b"),
        {"k": 'v"'},
        [1, 2.5],
        True,
        None,
    ],
)
def test_a_literal_is_read_back_as_the_same_value(value: object) -> None:
    assert eval(literal(value)) == eval(literal(value, one_line=True)) == value
    assert "\n" not in literal(value, one_line=True)


def test_code_that_is_long_has_an_argument_a_line() -> None:
    channel = RESTChannel("api.hello", path="/api/hello/of/some/length", security="a.user.with.a.name", limit="100/m")
    code = code_of(channel, namespace={"RESTChannel": RESTChannel})
    assert code.splitlines() == [
        "wb.define(RESTChannel(",
        '    "api.hello",',
        '    path="/api/hello/of/some/length",',
        '    security="a.user.with.a.name",',
        '    limit="100/m",',
        "))",
    ]
    made: list[Any] = []
    exec(code, {"RESTChannel": RESTChannel, "wb": SimpleNamespace(define=made.append)})
    assert made == [channel]
