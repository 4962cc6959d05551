"""The kernel's own record of which cell made what: by the id that JupyterLab gives, by number, by line."""

from __future__ import annotations

from tests.kernels import Kernel

CELL = """\
from workbench import LocalFolder
class Here(Service):
    name = "api.here"
    def handle(self):
        return 1

wb.define(
    LocalFolder("Here", path="/here"), RESTChannel("api.here"))
"""
LOOK = """\
import msgspec
from workbench import LocalFolder
made = "api.here", LocalFolder("Here", path="/here"), RESTChannel("api.here")
print([(o.kind, o.cell_id, o.execution_count, o.line) for o in map(wb.origin_of, made)])
"""


def test_a_definition_knows_the_cell_that_made_it(kernel: Kernel) -> None:
    count = kernel.run_as("c0ffee", CELL).execution_count
    assert kernel.run(LOOK).stdout == repr([("cell", "c0ffee", count, line) for line in (None, 7, 7)]) + "\n"
    again = kernel.run_as("c0ffee", "# the same, run again\n" + CELL).execution_count
    assert kernel.run(LOOK).stdout == repr([("cell", "c0ffee", again, line) for line in (None, 8, 8)]) + "\n"


def test_without_an_id_the_number_is_known(kernel: Kernel) -> None:
    count = kernel.run(CELL.replace("here", "there").replace("Here", "There")).execution_count
    look = LOOK.replace("here", "there").replace("Here", "There")
    assert kernel.run(look).stdout == repr([("cell", "", count, line) for line in (None, 7, 7)]) + "\n"
