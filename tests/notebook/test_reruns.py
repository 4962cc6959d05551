"""Cells that run again: what is live goes on as it was, or the cell says what it has changed for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.kernels import Kernel
from tests.notebook.test_cells import said, service
from workbench.core.service import Service
from workbench.notebook.left_out import Beside
from workbench.notebook.own_class import OwnClass

BASE = "class Base:\n    def hi(self):\n        return 'base'\n"


def twice(name: str, word: str) -> str:
    """A service that speaks of its own class in three ways."""
    return (
        f"class {name.title()}(Base, Service):\n    name = {name!r}\n    word = {word!r}\n"
        f"    def hi(self):\n        return {name.title()}.word + super({name.title()}, self).hi()\n"
        f"    def handle(self):\n        return [self.hi() for _ in range(1)] + [isinstance(self, {name.title()})]\n"
    )


def test_a_live_service_means_its_own_class_after_a_cell_that_failed(kernel: Kernel) -> None:
    kernel.run(BASE)
    kernel.run(twice("own", "one "))
    failed = kernel.run(twice("own", "two ") + "1/0", fails=True)
    assert said(failed) == ["Nothing of this cell (Own) is live, since it failed; what was live still is."]
    assert kernel.run("wb.invoke('own')").result == "['one base', True]"


def test_a_version_that_is_back_means_its_own_class(kernel: Kernel) -> None:
    kernel.run(BASE)
    for word in ("one ", "two ", "three "):
        kernel.run(twice("back", word))
    assert kernel.run("wb.services['back'].make_live(1)").result == "back v1 is live again (was v3)."
    assert kernel.run("wb.invoke('back')").result == "['one base', True]"
    assert kernel.run("wb.services['back'].rollback()").result == "back v3 is live again (was v1)."
    assert kernel.run("wb.invoke('back')").result == "['three base', True]"


def test_a_call_in_flight_ends_on_the_class_it_began_with(kernel: Kernel) -> None:
    kernel.run(BASE)
    kernel.run("import threading\nentered, go = threading.Event(), threading.Event()")
    slow = twice("flight", "one ").replace("return [", "entered.set()\n        assert go.wait(30)\n        return [")
    kernel.run(slow + "    name = 'flight'\n")
    kernel.run(
        "answers = []\nthread = threading.Thread(target=lambda: answers.append(wb.invoke('flight')))\n"
        "thread.start()\nassert entered.wait(30)"
    )
    kernel.run(twice("flight", "two "))
    assert kernel.run("go.set(); thread.join(30); answers").result == "[['one base', True]]"
    assert kernel.run("wb.invoke('flight')").result == "['two base', True]"


def test_a_mixin_that_ran_again_leaves_its_children_working(kernel: Kernel) -> None:
    mixin = "class Mixed:\n    def hi(self):\n        return [{0}, super(Mixed, self).__init__ is not None]\n"
    kernel.run(mixin.format(1))
    kernel.run("class Uses(Mixed, Service):\n    name = 'uses'\n    def handle(self):\n        return self.hi()\n")
    assert said(kernel.run(mixin.format(2))) == ["uses still uses the former Mixed. Fix: run its cell again."]
    assert kernel.run("wb.invoke('uses')").result == "[1, True]"


def test_data_is_shared_and_live(kernel: Kernel) -> None:
    kernel.run("rate = 1\nclass Rated(Service):\n    name = 'rated'\n    def handle(self):\n        return rate\n")
    assert said(kernel.run("rate = 2")) == []
    assert kernel.run("wb.invoke('rated')").result == "2"
    kernel.run("rate = 3\n1/0", fails=True)
    assert kernel.run("wb.invoke('rated')").result == "3", "data is no code: a failing cell's reaches what is live too"


def test_a_helper_that_ran_again_is_taken_at_the_next_call(kernel: Kernel) -> None:
    kernel.run("def helped():\n    return 1")
    kernel.run("class Asks(Service):\n    name = 'asks'\n    def handle(self):\n        return helped()\n")
    assert said(kernel.run("def helped():\n    return 2")) == []
    assert kernel.run("wb.invoke('asks')").result == "2"


def test_a_failing_cell_names_the_live_services_that_use_what_it_has_changed(kernel: Kernel) -> None:
    helpers = "import json as coder\ndef deep():\n    return {0}\ndef shallow():\n    return deep()\n"
    kernel.run(helpers.format(1))
    for name in ("first", "second"):
        call = "coder.dumps(shallow())"
        kernel.run(
            f"class {name.title()}(Service):\n    name = {name!r}\n    def handle(self):\n        return {call}\n"
        )
    failed = kernel.run(helpers.format(2) + "import html as coder\n1/0", fails=True)
    assert said(failed) == [
        "This cell failed, and first, second use what it has changed: coder, deep. "
        "Fix: correct the cell and run it again."
    ]
    assert said(kernel.run(helpers.format(1) + "1/0", fails=True)) == [], "the text that was good is no change"


def test_what_a_service_was_made_of_is_named_when_it_ran_again(kernel: Kernel) -> None:
    parts = {
        "Root": "class Root(Service):\n    def greet(self):\n        return {0}\n    def handle(self):\n        pass\n",
        "Model": "from dataclasses import dataclass\n@dataclass\nclass Model:\n    x: int = {0}\n",
        "loud": "import functools\ndef loud(f):\n    @functools.wraps(f)\n    def call(*args):\n"
        "        return f(*args) * {0}\n    return call\n",
    }
    for text in parts.values():
        kernel.run(text.format(1))
    child = (
        "class Made(Root):\n    name = 'made'\n    @loud\n    def handle(self, model: Model):\n        return model.x\n"
    )
    kernel.run(child)
    for name, text in parts.items():
        assert not any("former" in each for each in said(kernel.run(text.format(1)))), f"{name}: the same text again"
        shown = said(kernel.run(text.format(2)))
        assert f"made still uses the former {name}. Fix: run its cell again." in shown
    assert not any("former" in each for each in said(kernel.run(child)))


def test_services_of_a_loop_are_all_live(kernel: Kernel) -> None:
    loop = (
        "for table in ('users', 'items'):\n    class Get(Service):\n        name = f'get.{table}'\n"
        "        table = table\n        def handle(self):\n            return Get.table\n"
    )
    assert said(kernel.run(loop)) == ["get.users v1 is live.\nget.items v1 is live."]
    assert kernel.run("wb.invoke('get.users'), wb.invoke('get.items')").result == "('users', 'items')"


def test_services_of_a_function_are_named_with_the_way_to_deploy_them(kernel: Kernel) -> None:
    factory = (
        "def make(table):\n    class Get(Service):\n        name = f'made.{table}'\n"
        "        def handle(self):\n            return table\n    return Get\n"
    )
    kernel.run(factory)
    assert said(kernel.run("Users, Items = make('users'), make('items')")) == [
        "made.users, made.items, made in make(), are not live. Fix: wb.deploy(Get) with the class that it gives back."
    ]
    assert said(kernel.run("wb.deploy(make('users'));")) == []
    assert kernel.run("wb.invoke('made.users')").result == "'users'"


def test_services_that_are_imported_are_named_with_the_way_to_load_them(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("from workbench import Service\n" + service("beside"))
    kernel.run(f"import os, sys; former = os.getcwd(); os.chdir({str(tmp_path)!r}); sys.path.insert(0, '')")
    try:
        for line in ("from beside import Beside", "del Beside", "from beside import Beside"):
            shown = said(kernel.run(line))
            wanted = ["beside, imported from beside.py, is not live. Fix: wb.load('beside.py')."]
            assert shown == ([] if line.startswith("del") else wanted)
        kernel.run("wb.load('beside.py');")
        assert kernel.run("wb.invoke('beside')").result == "1"
    finally:
        kernel.run("os.chdir(former)")


def test_a_service_without_handle_is_told_when_it_goes_live(kernel: Kernel) -> None:
    assert said(kernel.run("class Mute(Service):\n    name = 'mute'\n")) == [
        "mute v1 is live.\nmute has no handle, so that every call of it fails. Fix: write def handle(self)."
    ]


def test_services_of_a_subshell_are_named() -> None:
    beside = Beside()
    beside.begin()
    type("Here", (Service,), {"__module__": "__main__", "name": "here"})
    assert beside.end() == [
        "This cell ran in a subshell, beside another cell, so that its services are not live: here. "
        "Fix: run it again when no other cell runs, or call wb.deploy."
    ]
    beside.begin()
    assert beside.end() == []


H = "class H(Service):\n"


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (H + "    def handle(self):\n        return H.x, [H for _ in ()], lambda: H", 3),
        (H + "    @staticmethod\n    def of(x: H = H) -> H:\n        return H()", 1),
        (H + "    key = lambda self: H", 1),
        ("for i in range(2):\n    " + H + "        def handle(self): return H", 1),
        ("class M:\n    def hi(self): return super(M, self).hi(), M", 1),
        (H + "    def handle(self):\n        class Inner:\n            def f(self): return H\n        return Inner", 0),
        ("@decorated\n" + H + "    def handle(self): return H", 0),
        (H + "    def handle(self): return H\nH = wrapped(H)", 0),
        (H + "    def handle(self, H): return H", 0),
        (H + "    def handle(self):\n        global H\n        return H", 0),
        ("def make():\n    class H(Service):\n        def handle(self): return H\n    return H", 0),
    ],
)
def test_a_method_means_its_own_class_where_nothing_else_can_be_meant(text: str, changed: int) -> None:
    tree = OwnClass(dict).visit(ast.parse(text))
    assert sum(isinstance(each, ast.Name) and each.id == "__class__" for each in ast.walk(tree)) == changed
    compile(tree, "<cell>", "exec")


PRICED = (
    "class Priced(Service):\n    name = 'priced'\n    new_version = 'gate'\n"
    "    def handle(self):\n        return {{'price': self.request.input.n * {rate}}}\n"
)


def test_a_cell_that_runs_again_waits_if_its_service_answers_otherwise(kernel: Kernel) -> None:
    kernel.run(PRICED.format(rate=2))
    kernel.run("for n in range(3):\n    wb.invoke('priced', {'n': n})")
    assert said(kernel.run(PRICED.format(rate=3))) == [
        "priced v2 waits.\npriced: Of 3 recorded calls, 2 answered otherwise. v1 stays live. "
        "Fix: wb.services['priced'].take() if that is meant, or .keep()."
    ]
    assert kernel.run("wb.invoke('priced', {'n': 1})").result == "{'price': 2}"
    kernel.run("wb.services['priced'].take()")
    assert kernel.run("wb.invoke('priced', {'n': 1})").result == "{'price': 3}"
    assert said(kernel.run(PRICED.format(rate="3 * 1"))) == ["priced v3 is live (was v2: roll back)."]
