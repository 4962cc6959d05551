"""`%%test` cells say whether they passed, and run as any other cell does."""

from __future__ import annotations

import pytest

from tests.kernels import Kernel

pytestmark = pytest.mark.parametrize("kernel", ["6.31.0", "7.4.0"], indirect=True)


def test_a_test_cell_says_whether_it_passed_and_with_which_values_not(kernel: Kernel) -> None:
    passed = kernel.run("%%test two are two\nx = [1, 2]\nassert len(x) == 2")
    assert [each["text/plain"] for each in passed.displays] == ["Test passed: two are two."]
    failed = kernel.run("%%test\nassert len(x) == 3", fails=True)
    assert [each["text/plain"] for each in failed.displays] == ["Test failed."]
    assert failed.error is not None
    assert failed.error["ename"] == "AssertionError"
    assert "assert 2 == 3" in failed.error["evalue"]
    assert "where 2 = len([1, 2])" in failed.error["evalue"]


def test_a_test_cell_awaits_deploys_and_has_magics(kernel: Kernel) -> None:
    text = (
        "%%test\nimport asyncio\nawait asyncio.sleep(0)\n%time 5\n"
        "class Tested(Service):\n    name = 'tested'\n    def handle(self):\n        return 7\n"
        "assert wb.invoke('tested') == 7"
    )
    said = [each["text/plain"] for each in kernel.run(text).displays]
    assert said == ["tested v1 is live.", "Test passed."]


def test_plain_asserts_of_any_cell_say_what_they_saw(kernel: Kernel) -> None:
    failed = kernel.run("from __future__ import annotations\nassert {'a': 1, 'b': 2} == {'a': 1, 'b': 3}", fails=True)
    assert failed.error is not None
    assert "Differing items:" in failed.error["evalue"]
    assert "{'b': 2} != {'b': 3}" in failed.error["evalue"]
