"""A form changes only the arguments that changed, of that call, in its own cell."""

from __future__ import annotations

import ast
import io
import os
import random
import tokenize
from contextlib import suppress
from typing import Any

import pytest

import workbench
from tests.ui.definitions import CLASSES, values_of
from workbench import HOMES, IntervalJob, Limit, RESTChannel, RESTConnection, secret
from workbench.app.code import code_of
from workbench.app.deploy.calls import SetInCode
from workbench.app.deploy.rewriting import rewritten, set_in_code
from workbench.core.definition import Definition
from workbench.ui.forms.fields import Field, Wrong, fields_of, typed
from workbench.ui.forms.reading import filled, read

PUBLIC: dict[str, Any] = {name: getattr(workbench, name) for name in HOMES}
GENERATED = 2_000 if os.environ.get("WORKBENCH_SOAK") else 75
HOURLY = IntervalJob("sync", service="api.x", hours=1, timezone="UTC")


def test_only_the_argument_that_changed_is_another() -> None:
    cell = """# The nightly work
rate = 5
wb.define(
    IntervalJob("other", service="api.x", hours=1),
    IntervalJob(
        "sync",  # as its users call it
        timezone="UTC", service = 'api.x',
        hours=(1),  # not more often: the API is slow
    ),
)
print("é", rate)  # done
"""
    after = HOURLY.replace(hours=12)
    assert rewritten(cell, HOURLY, after, PUBLIC) == cell.replace("hours=(1),", "hours=12,")


def test_a_new_argument_has_a_line_where_the_others_have() -> None:
    cell = 'IntervalJob(\n    "sync",\n    service="api.x",  # whose\n    hours=1,\n    timezone="UTC",  # ours\n)\n'
    new = '    timezone="UTC",  # ours\n    extra="now",\n)\n'
    assert rewritten(cell, HOURLY, HOURLY.replace(extra="now"), PUBLIC) == cell.replace(
        '    timezone="UTC",  # ours\n)\n', new
    )


def test_a_last_argument_without_a_comma_gets_one() -> None:
    cell = 'IntervalJob(\n    "sync",\n    service="api.x",\n    hours=1,\n    timezone="UTC"\n)'
    changed = cell.replace('timezone="UTC"', 'timezone="UTC",\n    extra="now",')
    assert rewritten(cell, HOURLY, HOURLY.replace(extra="now"), PUBLIC) == changed


def test_what_comes_takes_the_place_of_what_goes() -> None:
    cell = 'wb.define(IntervalJob("sync", service="api.x", hours=1, timezone="UTC"))'
    after = IntervalJob("sync", service="api.x", minutes=30, timezone="UTC")
    assert rewritten(cell, HOURLY, after, PUBLIC) == cell.replace("hours=1", "minutes=30")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('X("a", path="/a", service="s")', 'X("a", path="/a")'),
        ('X("a", service="s", path="/a")', 'X("a", path="/a")'),
        ('X("a",\n  path="/a",\n  service="s",\n)', 'X("a",\n  path="/a",\n)'),
        ('X("a",\n  path="/a",\n  service="s",  # why\n)', 'X("a",\n  path="/a",\n  # why\n)'),
    ],
)
def test_an_argument_that_is_as_by_default_goes_and_its_comment_stays(cell: str, expected: str) -> None:
    cell, expected = (text.replace("X(", "RESTChannel(") for text in (cell, expected))
    before, after = RESTChannel("a", path="/a", service="s"), RESTChannel("a", path="/a")
    assert rewritten(cell, before, after, PUBLIC) == expected


@pytest.mark.parametrize(
    "cell",
    [
        'import workbench as w\nwb.define(w.IntervalJob("sync", service="api.x", hours=1, timezone="UTC"))',
        "from workbench import IntervalJob as Every\n"
        'wb.define(Every("sync", service="api.x", hours=1, timezone="UTC"))',
        '%%time\n!ls\nwb.define(IntervalJob(name="sync", service="api.x", hours=1, timezone="UTC"))',
    ],
)
def test_the_call_is_found_by_whatever_name_the_cell_gives_its_class(cell: str) -> None:
    assert rewritten(cell, HOURLY, HOURLY.replace(hours=7), PUBLIC) == cell.replace("hours=1", "hours=7")


def test_a_limit_in_short_is_changed_in_the_call_of_its_channel() -> None:
    cell = 'wb.define(RESTChannel("a", service="s", limit="100/m"))  # public'
    before = RESTChannel("a", service="s", limit="100/m")
    assert rewritten(cell, before, before.replace(limit="5/s"), PUBLIC) == cell.replace("100/m", "5/s")


def test_of_two_limits_of_one_name_the_one_on_that_object_is_changed() -> None:
    cell = 'wb.define(Limit("a", on="user", lines="* = 1/m"), Limit("a", on="service", lines="* = 1/m"))'
    before = Limit("a", on="service", lines="* = 1/m")
    changed = rewritten(cell, before, before.replace(lines="* = 2/m"), PUBLIC)
    assert changed == 'wb.define(Limit("a", on="user", lines="* = 1/m"), Limit("a", on="service", lines="* = 2/m"))'


@pytest.mark.parametrize(
    "top",
    ["", "%%time\n", "%%time\n# What it is\n", '"""A cell."""\nfrom __future__ import annotations\n', "%cd /tmp\n"],
)
def test_a_secret_that_comes_in_is_imported_where_an_import_may_stand(top: str) -> None:
    before = RESTConnection("c", host="https://example.com")
    after = RESTConnection("c", host="https://example.com", headers={"X": secret("KEY")})
    cell = f'{top}wb.define(RESTConnection("c", host="https://example.com"))'
    changed = rewritten(cell, before, after, {"RESTConnection": RESTConnection})
    assert changed.startswith(f"{top}from workbench import secret\nwb.define(")
    assert 'headers={"X": secret("KEY")}' in changed


def test_a_job_of_another_kind_takes_the_place_of_the_call() -> None:
    after = PUBLIC["CronJob"]("sync", service="api.x", cron="0 9 * * *", timezone="UTC")
    cell = 'before = 1\nwb.define(IntervalJob("sync", service="api.x", hours=1, timezone="UTC"))\nafter = 2'
    assert rewritten(cell, HOURLY, after, PUBLIC) == f"before = 1\nwb.define({after.to_code()})\nafter = 2"


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("for each in names: IntervalJob('sync', service='api.x', hours=1, timezone='UTC')", "a loop or a function"),
        ("def make(): return IntervalJob('sync', service='api.x', hours=1, timezone='UTC')", "a loop or a function"),
        ("[IntervalJob('sync', service='api.x', hours=1, timezone='UTC') for _ in 'a']", "a loop or a function"),
        ("IntervalJob(name, service='api.x', hours=1, timezone='UTC')", "no call in its cell says its name"),
        ("IntervalJob('sync', **rest)", r"by \* or \*\*"),
        ("IntervalJob('sync', service='api.x', hours=2, timezone='UTC')", "something else than what is in force"),
        ("IntervalJob('sync', service='api.x', hours=1, timezone='UTC').replace(hours=1)", "changes what the call"),
        ("IntervalJob('sync', service='api.x', hours=1, timezone='UTC');" * 2, "2 times"),
        ("IntervalJob('sync', service='api.x', hours=HOURS, timezone='UTC')", "hours is no literal"),
        ("IntervalJob('sync', ", "not plain Python"),
    ],
)
def test_what_is_set_in_code_is_left_alone_and_said(cell: str, why: str) -> None:
    with pytest.raises(SetInCode, match=why):
        rewritten(cell, HOURLY, HOURLY.replace(hours=3), PUBLIC)


def test_an_argument_set_in_code_is_named_and_the_others_can_change() -> None:
    cell = 'wb.define(IntervalJob("sync", service=Sync.name, hours=1, timezone=f"{zone}"))'
    assert set_in_code(cell, HOURLY, PUBLIC) == ["service", "timezone"]
    assert rewritten(cell, HOURLY, HOURLY.replace(hours=3), PUBLIC) == cell.replace("hours=1", "hours=3")


# Whatever there is of fields.


def _typed(field: Field, chance: random.Random) -> Any:
    """Something that a person may type into a field; '' leaves it as it is by default."""
    texts = ("", "1", "2.5", "60", "true", "x", "/x", "a b", 'say "it"', "it's é", "two\nlines\nand three", "{}")
    more = ("MY_SECRET", "100/m", "* = 5/s", "A: 1\nB: two", "2035-01-01T09:00", "https://example.com", "host.test")
    choices = [*field.choices, *texts, *more]
    for _ in range(6):
        value = chance.choice(choices)
        with suppress(Wrong, ValueError):
            typed(field, value)
            return value
    return ""


def generated(name: str, chance: random.Random) -> Definition:
    """One of a class, with some of its fields as by default and some not."""
    fields = [field for field in fields_of(CLASSES[name]) if field.name not in ("name", "on", "service", "services")]
    for _ in range(8):
        chosen = chance.sample(fields, chance.randint(0, min(5, len(fields))))
        values = values_of(name) | {field.name: _typed(field, chance) for field in chosen}
        found = read(CLASSES[name], {"name": "é", **values})
        if found.definition is not None:
            return found.definition
    found = read(CLASSES[name], {"name": "é", **values_of(name)})
    assert found.definition is not None
    return found.definition


def laid(definition: Definition, chance: random.Random) -> str:
    """Its code in a cell, as one of the ways in which people lay out theirs."""
    call = ast.parse(definition.to_code(), mode="eval").body
    assert isinstance(call, ast.Call)
    source = definition.to_code()
    parts = [ast.get_source_segment(source, each) for each in (*call.args, *call.keywords)]
    rest = parts[1:]
    chance.shuffle(rest)
    told = [str(each) for each in (parts[0], *rest)]
    kind = type(definition).__name__
    layout = chance.randrange(5)
    if layout == 0:
        text = f"{kind}({', '.join(told)})"
    elif layout == 1:
        text = f"{kind}(\n        " + ",\n        ".join(told) + ",\n    )"
    elif layout == 2:
        text = f"{kind}(\n" + "".join(f"    {each},  # why {place}\n" for place, each in enumerate(told)) + ")"
    elif layout == 3:
        text = f"{kind}(\n    " + ",\n    ".join(told) + "\n)"
    else:
        text = f"{kind}({told[0]},\n   " + " ,  ".join(told[1:]) + ")"
    return f"# A cell: é\nkept = 1  # one\nmade = {text}  # two\nother = 'IntervalJob('\n"


def comments(text: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return [each.string for each in tokens if each.type == tokenize.COMMENT]


@pytest.mark.parametrize("name", CLASSES)
def test_form_and_code_say_the_same_of_every_field(name: str) -> None:
    chance = random.Random(name)
    for _ in range(max(3, GENERATED // len(CLASSES) + 1)):
        definition = generated(name, chance)
        assert read(type(definition), filled(definition)).definition == definition
        again = eval(definition.to_code(), dict(PUBLIC))
        assert again == definition
        assert filled(again) == filled(definition)


@pytest.mark.parametrize("name", CLASSES)
def test_any_change_by_form_is_made_in_any_cell_and_nothing_else(name: str) -> None:
    chance = random.Random(f"{name} changes")
    for _ in range(max(3, GENERATED // len(CLASSES) + 1)):
        before, after = generated(name, chance), generated(name, chance)
        cell = laid(before, chance)
        changed = rewritten(cell, before, after, PUBLIC)
        names = dict(PUBLIC)
        exec(changed, names)
        assert names["made"] == after
        assert comments(changed) == comments(cell)
        head, tail = cell.partition("made = ")[0], "  # two\nother = 'IntervalJob('\n"
        assert changed.removeprefix("from workbench import secret\n").startswith(head)
        assert changed.endswith(tail)


def test_the_code_that_a_form_writes_can_be_rewritten() -> None:
    after = HOURLY.replace(hours=5)
    assert rewritten(code_of(HOURLY, namespace={}), HOURLY, after, {}) == code_of(after, namespace={})
