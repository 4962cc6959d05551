"""Versions: numbered by their text, kept for the way back, replaced as a whole."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from workbench.core.errors import DeployRefused, NameTaken, UnknownName
from workbench.core.origin import NOTEBOOK, Origin
from workbench.core.service import Service
from workbench.runtime.registry import Registry, Source, class_source

CELL = '''
RATE = 2

def helped(x):
    return x * RATE

class Shape:
    def area(self):
        return 1

class Api(Service):
    """Says {word}."""
    name = "api"

    def handle(self):
        return [helped(each) for each in [Shape().area()]], {word!r}
'''


def run(text: str, namespace: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a cell with this text leaves behind."""
    namespace = {"Service": Service, "__name__": "cell"} if namespace is None else namespace
    exec(compile(text, "<cell>", "exec"), namespace)
    return namespace


def deploy(registry: Registry, text: str, namespace: dict[str, Any] | None = None, origin: Origin = NOTEBOOK) -> Any:
    found = run(text, namespace)
    [version] = registry.prepare([found["Api"]], Source(origin, text))
    registry.deploy([version])
    return version


def cell(word: str) -> str:
    return CELL.replace("{word!r}", repr(word)).replace("{word}", word)


def test_the_same_text_is_the_same_version_and_another_the_next() -> None:
    registry = Registry()
    numbers = [deploy(registry, cell(word)).number for word in ("a", "a", "b", "a", "c")]
    assert numbers == [1, 1, 2, 3, 4]
    assert [each.number for each in registry.history["api"]] == [1, 2, 3, 4]


def test_going_back_and_on_never_gives_a_number_twice() -> None:
    registry = Registry()
    for word in ("a", "b", "c"):
        deploy(registry, cell(word))
    assert registry.rollback("api").number == 2
    assert registry.rollback("api").number == 1
    with pytest.raises(DeployRefused, match="has no version before v1 to go back to"):
        registry.rollback("api")
    assert deploy(registry, cell("a")).number == 1
    assert deploy(registry, cell("d")).number == 4
    assert [each.number for each in registry.history["api"]] == [1, 2, 3, 4]


def test_a_rollback_brings_back_what_was_live_before_whatever_its_number() -> None:
    registry = Registry()
    for word in ("a", "b"):
        deploy(registry, cell(word))
    registry.rollback("api")
    assert deploy(registry, cell("c")).number == 3
    assert registry.before("api") == 1
    assert registry.rollback("api").number == 1, "not v2, which was live before v1 came back"
    assert registry.before("api") == 0


def test_any_kept_version_can_be_made_live_and_a_rollback_takes_that_back() -> None:
    registry = Registry()
    for word in ("a", "b", "c"):
        deploy(registry, cell(word))
    assert registry.make_live("api", 1).number == registry.services["api"].number == 1
    assert registry.make_live("api", 3).number == 3
    assert registry.make_live("api", 3).number == 3, "what is live already is no change"
    assert [registry.rollback("api").number for _ in range(3)] == [1, 3, 2]
    with pytest.raises(DeployRefused, match=r"'api' keeps no version 9. Fix: take one of 1, 2, 3\."):
        registry.make_live("api", 9)


def test_a_deploy_that_is_taken_back_leaves_the_way_back_as_it_was() -> None:
    registry = Registry()
    for word in ("a", "b"):
        deploy(registry, cell(word))
    other = run(cell("c"))
    registry.deploy(registry.prepare([other["Api"]], Source(NOTEBOOK, cell("c"))))()
    assert (registry.services["api"].number, registry.before("api")) == (2, 1)


def test_a_rollback_names_the_helpers_that_do_something_else_now() -> None:
    registry, namespace = Registry(), run(cell("a"))
    version = deploy(registry, cell("a"), namespace)
    assert version.changed_helpers() == []
    run(cell("a"), namespace)
    assert version.changed_helpers() == [], "the same text again is no change"
    run("def helped(x):\n    return x + 1", namespace)
    assert version.changed_helpers() == ["helped"]
    run("class Shape:\n    def area(self):\n        return 2", namespace)
    assert version.changed_helpers() == ["Shape", "helped"]


def test_a_version_knows_the_helpers_of_its_helpers_and_no_attribute_of_the_same_name() -> None:
    text = (
        "import json\ndef deep(): return 1\ndef shallow(): return deep()\ndef other(): return 1\n"
        "class Mixin:\n    def mixed(self): return json.dumps(1)\n"
        "class Api(Mixin, Service):\n    name = 'api'\n    def handle(self): return shallow(), self.other\n"
    )
    assert sorted(deploy(Registry(), text).helpers) == ["deep", "json", "shallow"]


@pytest.mark.parametrize("wrapped", ["open", "len", "sorted"])
def test_a_helper_that_wraps_a_function_of_no_python_is_a_helper_as_any(wrapped: str) -> None:
    """In a notebook `open` is one: IPython wraps it."""
    text = (
        f"import functools\n@functools.wraps({wrapped})\ndef {wrapped}_(*a): return deep()\ndef deep(): return 1\n"
        f"class Api(Service):\n    name = 'api'\n    def handle(self): return {wrapped}_('x')\n"
        f"    more = {wrapped}_\n"
    )
    assert sorted(deploy(Registry(), text).helpers) == ["deep", f"{wrapped}_"]


def test_a_version_knows_what_its_class_was_made_of() -> None:
    text = (
        "def loud(function): return function\ndef called(): return 1\nclass Root: pass\nclass Mixin(Root): pass\n"
        "class Item: pass\nclass Order:\n    items: list[Item]\n"
        "class Api(Mixin, Service):\n    name = 'api'\n    model = Order\n"
        "    @loud\n    def handle(self): return called()\n"
    )
    assert sorted(deploy(Registry(), text).parts) == ["Item", "Mixin", "Order", "Root", "loud"]


def test_two_classes_of_one_name_are_refused_together() -> None:
    registry = Registry()
    found = run("class A(Service):\n    name = 'x'\nclass B(A):\n    pass")
    with pytest.raises(DeployRefused, match="Classes A and B are both named 'x'; nothing was deployed. Fix: give"):
        registry.prepare([found["A"], found["B"]], Source(NOTEBOOK, ""))
    assert not registry.services


def test_one_name_from_two_files_is_refused_unless_replaced() -> None:
    registry = Registry()
    two = Origin("file", file="two.py", loaded=True)
    deploy(registry, cell("a"), origin=Origin("file", file="one.py", loaded=True))
    found = run(cell("b"))
    with pytest.raises(NameTaken, match="Service 'api' comes from two places: one.py and two.py. Fix: rename one, or"):
        registry.prepare([found["Api"]], Source(two, cell("b")))
    [version] = registry.prepare([found["Api"]], Source(two, cell("b")), replace=True)
    registry.deploy([version])
    assert registry.services["api"].origin.file == "two.py"


def test_a_deploy_can_be_taken_back() -> None:
    registry = Registry()
    first = deploy(registry, cell("a"))
    others = run("class Api(Service):\n    name = 'api'\nclass New(Service):\n    name = 'new'")
    versions = registry.prepare([others["Api"], others["New"]], Source(NOTEBOOK, "another text"))
    take_back = registry.deploy(versions)
    assert set(registry.services) == {"api", "new"}
    take_back()
    assert dict(registry.services) == {"api": first}
    assert {name: [each.number for each in kept] for name, kept in registry.history.items()} == {"api": [1]}


def test_hooks_around_going_live(caplog: pytest.LogCaptureFixture) -> None:
    told = []

    class StaysOut(Service):
        name = "out"

        @classmethod
        def before_add_to_store(cls, logger: logging.Logger) -> bool:
            return False

    class Tells(Service):
        name = "tells"

        @classmethod
        def after_add_to_store(cls, logger: logging.Logger) -> None:
            told.append(logger.name)
            raise ValueError("boom")

    registry = Registry()
    versions = registry.prepare([StaysOut, Tells], Source(NOTEBOOK, ""))
    registry.deploy(versions)
    logging.getLogger("workbench.service").propagate = True
    with caplog.at_level(logging.ERROR):
        registry.announce(versions)
    assert list(registry.services) == ["tells"]
    assert told == ["workbench.service.tells"]
    assert "hook after_add_to_store failed" in caplog.text


def test_a_removed_service_is_gone_with_its_history() -> None:
    registry = Registry()
    deploy(registry, cell("a"))
    registry.remove("api")
    with pytest.raises(UnknownName, match="No service is named 'api'; there are: none. Fix: run the cell"):
        registry.get("api")
    assert "api" not in registry.history


def test_the_source_of_a_class_is_its_own_text() -> None:
    text = "x = 1\nclass A:\n    pass\n\nclass B:\n    y = 2\n"
    assert class_source(text, "B") == "class B:\n    y = 2"
    assert class_source(text, "C") == ""
    assert class_source("class (", "A") == ""


def test_a_service_of_a_class_that_has_no_text_is_new_each_time(tmp_path: Path) -> None:
    registry = Registry()
    for number in (1, 2):
        made = type("Made", (Service,), {"name": "made"})
        [version] = registry.prepare([made], Source(NOTEBOOK, ""))
        registry.deploy([version])
        assert version.number == number
    [again] = registry.prepare([made], Source(NOTEBOOK, ""))
    assert again.number == 2
