"""Modules and notebooks are loaded whole, or nothing of the part that fails."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from workbench.app.workbench import Workbench
from workbench.core.errors import DeployRefused, NameTaken

MODULE = """
from __future__ import annotations

from dataclasses import dataclass
from workbench import Service

RATE = 2


@dataclass
class Order:
    id: int


def doubled(order: Order) -> int:
    return order.id * RATE


class TakesOrder(Service):
    def handle(self, order: Order) -> int:
        return doubled(order)


class Named(Service):
    name = "api.named"

    def handle(self):
        return self.invoke("my-services.takes-order", {"id": 5})
"""


@pytest.fixture(autouse=True)
def own_modules() -> Iterator[None]:
    """Leave the table of modules as it was."""
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        if hasattr(sys.modules[name], "__workbench_loaded__") or name.startswith("__main__."):
            del sys.modules[name]


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def notebook(path: Path, *cells: str | tuple[str, str]) -> Path:
    made = [
        {"cell_type": "code", "metadata": {}, "source": each.splitlines(keepends=True)}
        if isinstance(each, str)
        else {
            "cell_type": each[0] if each[0] == "markdown" else "code",
            "metadata": {"tags": [each[0]]},
            "source": each[1],
        }
        for each in cells
    ]
    path.write_bytes(msgspec.json.encode({"cells": made, "metadata": {}, "nbformat": 4}))
    return path


def test_a_module_of_services_goes_live(wb: Workbench, tmp_path: Path) -> None:
    wb.load(written(tmp_path / "my_services.py", MODULE))
    assert sorted(wb.services) == ["api.named", "my-services.takes-order"]
    assert wb.invoke("api.named") == 10
    assert wb.services["api.named"].source.startswith("class Named(Service):")


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
def test_the_wb_that_a_file_imports_is_the_workbench_that_loads_it(wb: Workbench, tmp_path: Path, suffix: str) -> None:
    text = """from workbench import RESTChannel, Service, wb

class Greets(Service):
    name = "greets"

    def handle(self):
        return wb.app

wb.define(RESTChannel("greets", path="/greets"))
"""
    path = tmp_path / f"greeting{suffix}"
    wb.load(written(path, text) if suffix == ".py" else notebook(path, text))
    assert wb.call("GET /greets").data == wb.app


def test_a_module_loaded_again_is_the_same_or_the_next_version(wb: Workbench, tmp_path: Path) -> None:
    path = written(tmp_path / "my_services.py", MODULE)
    for text, number in ((MODULE, 1), (MODULE, 1), (MODULE.replace('{"id": 5}', '{"id": 6}'), 2)):
        written(path, text)
        wb.load(str(path))
        assert wb.services["api.named"].live.number == number
    assert wb.invoke("api.named") == 12


def test_one_name_from_two_files_names_both(wb: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'from workbench import Service\n\n\nclass A(Service):\n    name = "api.a"\n'
    wb.load(written(tmp_path / "one" / "services.py", text))
    with pytest.raises(NameTaken) as refused:
        wb.load(written(tmp_path / "two" / "services.py", text))
    assert str(refused.value) == (
        "Service 'api.a' comes from two places: one/services.py and two/services.py. "
        "Fix: rename one, or load with replace=True"
    )
    wb.load(tmp_path / "two" / "services.py", replace=True)
    assert wb.services["api.a"].live.origin.file == "two/services.py"
    assert wb.load("two/../two/services.py").versions, "the same file by another way is the same file"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("class (", "does not parse: invalid syntax \\(line 1\\). Nothing of it went live. Fix: correct that line"),
        (
            "from workbench import Service\n\n\nclass A(Service):\n    name = 'a'\n\n\nraise ValueError('half-way')",
            "half-way",
        ),
    ],
)
def test_a_module_that_does_not_run_leaves_nothing(wb: Workbench, tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises((DeployRefused, ValueError), match=error):
        wb.load(written(tmp_path / "broken.py", text))
    assert not wb.services
    assert "broken" not in sys.modules


def test_a_module_never_takes_the_place_of_pythons_own(wb: Workbench, tmp_path: Path) -> None:
    import json

    for name in ("json.py", "queue.py", "msgspec.py"):
        with pytest.raises(DeployRefused, match="would take the place of the module .* Fix: rename the file"):
            wb.load(written(tmp_path / name, "x = 1"))
    assert sys.modules["json"] is json


def test_what_is_no_module_and_no_notebook_is_refused(wb: Workbench, tmp_path: Path) -> None:
    with pytest.raises(DeployRefused, match="There is no file .*nope.py.* Fix: correct the path"):
        wb.load(tmp_path / "nope.py")
    with pytest.raises(DeployRefused, match="neither a module .* Fix: name one of them"):
        wb.load(written(tmp_path / "x.txt", ""))
    (tmp_path / "bytes.py").write_bytes(b"x = '\xff'")
    with pytest.raises(DeployRefused, match="is not UTF-8 text \\(byte 5\\).* Fix: save it as UTF-8"):
        wb.load(tmp_path / "bytes.py")
    for text in ("{", "{}", '{"cells": 5}'):
        with pytest.raises(DeployRefused, match="is no notebook.* Fix: mend its JSON"):
            wb.load(written(tmp_path / "x.ipynb", text))


def test_a_notebook_is_loaded_cell_by_cell(wb: Workbench, tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "00-hello.ipynb",
        ("markdown", "# Hello"),
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom workbench import Service",
        "@dataclass\nclass Order:\n    id: int\n",
        "class SyncData(Service):\n    def handle(self, order: Order) -> int:\n        return order.id + 1",
        ("scratch", "raise ValueError('scratch cells do not run')"),
        ("test", "raise ValueError('test cells do not run')"),
    )
    loaded = wb.load(path)
    assert [version.name for version, _ in loaded.versions] == ["sync-data"]
    assert wb.invoke("sync-data", {"id": 4}) == 5


def test_a_failing_cell_leaves_the_good_ones_before_it_live(wb: Workbench, tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "half.ipynb",
        'from workbench import Service\nclass A(Service):\n    name = "a"',
        'class B(Service):\n    name = "b"\nraise ValueError("half-way")',
        'class C(Service):\n    name = "c"',
    )
    with pytest.raises(ValueError, match="half-way"):
        wb.load(path)
    assert list(wb.services) == ["a"]


def test_a_magic_names_who_can_run_it(wb: Workbench, tmp_path: Path) -> None:
    path = notebook(tmp_path / "magic.ipynb", "x = 1", "%matplotlib inline")
    with pytest.raises(DeployRefused, match="magic.ipynb, cell 2 has a magic.* Fix: workbench serve magic.ipynb"):
        wb.load(path)


@pytest.mark.parametrize("magic", ["%time x = 1", "%%bash\necho it's", "x = 1\n!ls", "if True:\n    %cd ."])
def test_every_form_of_magic_is_told(wb: Workbench, tmp_path: Path, magic: str) -> None:
    with pytest.raises(DeployRefused, match="cell 1 has a magic"):
        wb.load(notebook(tmp_path / "magic.ipynb", magic))


@pytest.mark.parametrize("text", ['HEAD = """\n%PDF-1.4\n!not a command\n"""', "x = (7\n% 4)", "# %matplotlib inline"])
def test_a_line_of_a_string_or_a_sum_is_no_magic(wb: Workbench, tmp_path: Path, text: str) -> None:
    wb.load(notebook(tmp_path / "text.ipynb", text, 'from workbench import Service\nclass A(Service):\n    name = "a"'))
    assert list(wb.services) == ["a"]


def test_what_is_no_python_beside_such_a_string_is_said_as_that(wb: Workbench, tmp_path: Path) -> None:
    with pytest.raises(DeployRefused, match="cell 1 does not parse"):
        wb.load(notebook(tmp_path / "text.ipynb", 'x = """\n%s\n"""\ny = = 1'))


@pytest.mark.parametrize("tag", ["scratch", "test", "setup", "skip-execution"])
def test_cells_that_are_tagged_to_be_skipped_are(wb: Workbench, tmp_path: Path, tag: str) -> None:
    cell = 'from workbench import Service\nclass A(Service):\n    name = "a"'
    wb.load(notebook(tmp_path / "tags.ipynb", (tag, "raise RuntimeError"), cell))
    assert list(wb.services) == ["a"]


def test_a_notebook_without_imports_is_loaded_as_the_workbench_kernel_runs_it(wb: Workbench, tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "bare.ipynb",
        'class Hello(Service):\n    name = "api.hello"\n    def handle(self):\n        return "Hello!"',
        'wb.define(RESTChannel("api.hello"))',
    )
    wb.load(path)
    assert wb.invoke("api.hello") == "Hello!"
    assert wb.call("GET /api/hello").status == 200


def test_cells_that_begin_as_tests_are_skipped(wb: Workbench, tmp_path: Path) -> None:
    cell = 'from workbench import Service\nclass A(Service):\n    name = "a"'
    wb.load(notebook(tmp_path / "tests.ipynb", "\n%%test it fails\nraise RuntimeError", cell, "%%test\nwrong("))
    assert list(wb.services) == ["a"]
