"""An error begins in the user's line, and has no frame of the workbench or of IPython."""

from __future__ import annotations

import re
from typing import Any

import pytest

import workbench
from tests.kernels import Kernel

# Tracebacks are IPython's, whichever ipykernel carries them.
pytestmark = pytest.mark.parametrize("kernel", ["7.4.0"], indirect=True)
OURS = str(workbench.__path__[0])


def traceback_of(kernel: Kernel, cell: str) -> str:
    """What a failing cell shows, without colours."""
    error = kernel.run(cell, fails=True).error
    assert error is not None
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error["traceback"]))


def frames(shown: str) -> list[str]:
    """The places a traceback goes through, outermost first."""
    return re.findall(r"^(?:Cell In|File )[^\n]*", shown, re.MULTILINE)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("wb.services['nope']", "UnknownName: No service is named 'nope'"),
        ("wb.invoke('nope')", "UnknownName: No service is named 'nope'"),
        ("wb.call('no address')", "ServiceUsage: wb.call takes a method and a path"),
        ("wb.load('nowhere.py')", "DeployRefused: There is no file 'nowhere.py'"),
        ("RESTChannel('x', path='no', method=7, lmit='1/m')", "InvalidDefinition: RESTChannel 'x' is not valid"),
        ("RESTConnection('x', host='h', port='many')", "InvalidDefinition: RESTConnection 'x' is not valid"),
    ],
)
def test_an_error_is_one_sentence_under_the_users_line(kernel: Kernel, line: str, error: str) -> None:
    kernel.run("class Fails(Service):\n    name = 'fails'\n    def handle(self):\n        return 1 / 0")
    shown = traceback_of(kernel, f"x = 1\n{line}")
    assert frames(shown) == [frames(shown)[0]]
    assert f"----> 2 {line}" in shown
    assert error in shown
    assert OURS not in shown


def test_a_name_that_is_still_missing_at_the_cells_end_is_one_sentence(kernel: Kernel) -> None:
    shown = traceback_of(kernel, "wb.define(RESTChannel('x', service='fails', security='me'))")
    assert "DanglingReference: REST 'x' names the security definition 'me', which does not exist" in shown
    assert frames(shown) == []
    assert kernel.run("'x' in wb.channels").result == "False"


def test_an_invalid_definition_names_every_bad_field_at_once(kernel: Kernel) -> None:
    shown = traceback_of(kernel, "RESTChannel('x', path='no', method=7, lmit='1/m')")
    assert "lmit is not a field; did you mean 'limit'?" in shown
    assert "method expected" in shown.replace("`", "")


def test_an_error_of_a_service_shows_the_cell_and_the_line_in_handle(kernel: Kernel) -> None:
    kernel.run("class Fails(Service):\n    name = 'fails'\n    def handle(self):\n        return 1 / 0")
    shown = traceback_of(kernel, "wb.invoke('fails')")
    assert [each.rpartition(", ")[2] for each in frames(shown)] == ["line 1", "in Fails.handle(self)"]
    assert "----> 4         return 1 / 0" in shown
    assert shown.endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize("colour", ["def", "async def"])
def test_an_error_through_several_services_shows_each_of_their_lines(kernel: Kernel, colour: str) -> None:
    inner = "class Inner(Service):\n    name = 'inner'\n    def handle(self):\n        return {}['key']\n"
    call = "await self.invoke.aio('inner')" if colour == "async def" else "self.invoke('inner')"
    outer = f"class Outer(Service):\n    name = 'outer'\n    {colour} handle(self):\n        return {call}\n"
    kernel.run(inner + outer)
    shown = traceback_of(kernel, "wb.invoke('outer')")
    assert [each.rpartition(", ")[2] for each in frames(shown)] == [
        "line 1",
        "in Outer.handle(self)",
        "in Inner.handle(self)",
    ]
    assert OURS not in shown


def test_a_library_that_the_service_calls_keeps_its_frames(kernel: Kernel) -> None:
    kernel.run(
        "import json\nclass Parses(Service):\n    name = 'parses'\n    def handle(self):\n        json.loads('{')\n"
    )
    shown = traceback_of(kernel, "wb.invoke('parses')")
    assert "in Parses.handle(self)" in shown
    assert "json/decoder.py" in shown
    assert OURS not in shown


def test_a_cause_of_the_users_own_stays(kernel: Kernel) -> None:
    kernel.run(
        "class Chains(Service):\n    name = 'chains'\n    def handle(self):\n        try:\n"
        "            self.invoke('fails')\n        except ZeroDivisionError as exc:\n"
        "            raise RuntimeError('outer') from exc\n"
    )
    shown = traceback_of(kernel, "wb.invoke('chains')")
    assert "ZeroDivisionError: division by zero" in shown
    assert "RuntimeError: outer" in shown
    assert OURS not in shown


def test_an_outgoing_call_that_fails_says_so_without_its_machinery(kernel: Kernel) -> None:
    kernel.run(
        "wb.define(RESTConnection('Down', host='http://127.0.0.1:9'))\n"
        "class Calls(Service):\n    name = 'calls'\n    def handle(self):\n"
        "        return self.out.rest['Down'].conn.get(self.cid)\n"
    )
    shown = traceback_of(kernel, "wb.invoke('calls')")
    assert [each.rpartition(", ")[2] for each in frames(shown)] == ["line 1", "in Calls.handle(self)"]
    assert "ConnectionFailed: " in shown
    assert "urllib3" not in shown
    assert kernel.run("import sys; sys.last_value.__cause__ is not None").result == "True"


def test_the_error_itself_is_left_as_it_was(kernel: Kernel) -> None:
    cell = "try:\n    wb.invoke('fails')\nexcept ZeroDivisionError as exc:\n    kept = exc\nraise kept"
    traceback_of(kernel, cell)
    count = "import traceback; len(traceback.extract_tb(kept.__traceback__))"
    assert int(kernel.run(count).result or 0) > 3


@pytest.mark.parametrize(
    "cell", ["1 / 0", "import json\njson.loads('{')", "exec('x = = 1')", "if 1:\nx", "%nope", "?%%"]
)
def test_errors_that_are_none_of_our_business_look_as_ever(kernel: Kernel, cell: str) -> None:
    def shown() -> Any:
        outputs = kernel.run("%colors nocolor")
        sent = kernel.send(cell)
        outputs = kernel.wait(sent, fails="%" not in cell)
        text = [str(each.get("traceback", each.get("text"))) for each in outputs.items]
        return [re.sub(r"In\s?\[\d+\]|ipykernel_\d+/\d+|\b\d{6,}\.py", "", each) for each in text]

    ours = shown()
    kernel.run("from workbench.notebook import errors; errors.unregister(get_ipython())")
    try:
        assert ours == shown()
    finally:
        kernel.run("errors.register(get_ipython())")


def test_a_call_from_outside_that_fails_says_its_cell_and_line_as_invoke_does(kernel: Kernel) -> None:
    made = kernel.run(
        "class Outside(Service):\n    name = 'outside'\n    def handle(self):\n"
        "        zero = 0\n        return 1 / zero\nwb.define(RESTChannel('outside'))"
    )
    place = f"Cell In[{made.execution_count}], line 5"
    kernel.run("answer = wb.call('GET /outside')")
    trace = str(kernel.run("wb.traffic[answer.cid]").result)
    assert f"    ZeroDivisionError: division by zero ({place}, in handle)" in trace.splitlines()
    logged = kernel.run("print(wb.log[answer.cid][0].text)").stdout.splitlines()
    assert logged[:4] == [
        "outside failed: division by zero",
        "Traceback (most recent call last):",
        f'  File "{place.partition(",")[0]}", line 5, in handle',
        "    return 1 / zero",
    ]
    error = kernel.run("wb.invoke('outside')", fails=True).error
    assert error is not None
    assert place in re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error["traceback"]))
