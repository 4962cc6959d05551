"""`%%enmasse` cells: definitions as YAML are the cell's, and what is wrong is said with the cell's own lines."""

from __future__ import annotations

from tests.kernels import Kernel

SERVICE = "class Hello(Service):\n    name = 'api.hello'\n    def handle(self):\n        return 'hello'\n"


def test_definitions_of_an_enmasse_cell_are_the_cells(kernel: Kernel) -> None:
    kernel.run(SERVICE)
    cell = "%%enmasse\nchannel_rest:\n  - {name: written, service: api.hello, url_path: /written, is_active: true}\n"
    said = "\n".join(each["text/plain"] for each in kernel.run(cell).displays)
    assert "REST 'written' is open at /written." in said
    assert kernel.run("wb.call('GET /written').status").result == "200"
    assert kernel.run("wb.origin_of(wb.channels['written'].definition).kind").result == "'cell'"
    again = cell.replace("/written", "/again")
    kernel.run(again)
    assert kernel.run("wb.channels['written'].address").result == "'/again'"


def test_a_mistake_is_said_with_the_cells_own_line_and_nothing_is_in_force(kernel: Kernel) -> None:
    failed = kernel.run("%%enmasse\nCache:\n  - name: c\n    max_sise: 5\n", fails=True)
    assert failed.error is not None
    assert "this cell:4: max_sise of Cache 'c' is not a field. Fix: write max_size." in failed.error["evalue"]
    assert kernel.run("'c' in wb.caches").result == "False"


def test_what_stands_beside_the_magic_is_not_passed_over(kernel: Kernel) -> None:
    failed = kernel.run("%%enmasse enmasse.yaml\nCache:\n  - name: beside\n", fails=True)
    assert failed.error is not None
    assert "takes nothing beside it, not 'enmasse.yaml'. Fix: begin a line below it." in failed.error["evalue"]
    assert kernel.run("'beside' in wb.caches").result == "False"


def test_what_has_no_meaning_here_is_told_under_the_cell(kernel: Kernel) -> None:
    cell = "%%enmasse\npubsub_topic:\n  - name: t\nCache:\n  - name: kept\n"
    said = "\n".join(each["text/plain"] for each in kernel.run(cell).displays)
    assert "this cell:2: pubsub_topic is not understood here, and its definition is left out." in said
    assert kernel.run("'kept' in wb.caches").result == "True"
