"""A good cell deploys its services, a failing one changes nothing; a cell's own calls see what it defines."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import requests

from tests.kernels import NAPS, Kernel, Outputs, ended_within


def said(outputs: Outputs) -> list[str]:
    """The lines under a cell, in plain text."""
    return [each["text/plain"] for each in outputs.displays]


def service(name: str, answer: str = "1", more: str = "") -> str:
    """A cell with one service."""
    return (
        f"class {name.title()}(Service):\n    name = {name!r}\n    def handle(self):\n        return {answer}\n{more}"
    )


def test_a_cell_that_ends_well_deploys(kernel: Kernel) -> None:
    assert said(kernel.run(service("plain"))) == ["plain v1 is live."]
    assert kernel.run("wb.invoke('plain')").result == "1"


def test_class_and_call_in_one_cell_work_and_work_again(kernel: Kernel) -> None:
    first = kernel.run(service("both", "'one'", "wb.invoke('both')"))
    assert (first.result, said(first)) == ("'one'", ["both v1 is live."])
    again = kernel.run(service("both", "'two'", "wb.invoke('both')"))
    assert (again.result, said(again)) == ("'two'", ["both v2 is live (was v1: roll back)."])


def test_the_same_text_again_keeps_the_version(kernel: Kernel) -> None:
    kernel.run(service("same", "1", "wb.invoke('same')"))
    assert said(kernel.run(service("same", "1", "wb.invoke('same')"))) == ["same v1 is live, unchanged."]
    assert said(kernel.run("\n\n# another cell, the same class\n" + service("same"))) == ["same v1 is live, unchanged."]
    assert kernel.run("[str(each) for each in wb.services['same'].versions]").result == "['same v1']"


def test_a_cell_that_fails_half_way_changes_nothing_and_says_so(kernel: Kernel) -> None:
    kernel.run(service("steady", "'good'", "wb.define(RESTChannel('steady'))"))
    failed = kernel.run(
        service(
            "steady", "'bad'", "wb.define(RESTChannel('steady', path='/moved'), BasicAuth('me', password='x'))\n1/0"
        ),
        fails=True,
    )
    assert failed.error is not None
    assert failed.error["ename"] == "ZeroDivisionError"
    assert said(failed) == [
        "Nothing of this cell (Steady) is live, since it failed; what was live still is. "
        "Its definitions are taken back."
    ]
    assert (
        kernel.run("wb.invoke('steady'), wb.channels['steady'].path, len(wb.security)").result
        == "('good', '/steady', 0)"
    )
    assert kernel.run("wb.call('/moved').status, wb.call('/steady').status").result == "(404, 200)"


def test_two_classes_of_one_name_deploy_nothing(kernel: Kernel) -> None:
    cell = service("twin") + "class Other(Service):\n    name = 'twin'\n"
    failed = kernel.run(cell, fails=True)
    assert failed.error is not None
    assert failed.error["evalue"] == (
        "Classes Twin and Other are both named 'twin'; nothing was deployed. Fix: give each class its own name."
    )
    assert kernel.run("'twin' in wb.services").result == "False"


def test_a_class_written_twice_in_one_cell_counts_once(kernel: Kernel) -> None:
    assert said(kernel.run(service("redone", "1") + service("redone", "2"))) == ["redone v1 is live."]
    assert kernel.run("wb.invoke('redone')").result == "2"


def test_a_class_that_is_deleted_in_its_cell_is_not_deployed(kernel: Kernel) -> None:
    assert said(kernel.run(service("gone", "1", "del Gone"))) == []
    assert kernel.run("'gone' in wb.services").result == "False"


def test_slots_dataclasses_deploy_once(kernel: Kernel) -> None:
    cell = """
        from dataclasses import dataclass
        @dataclass(slots=True)
        class Mixin:
            greeting: str = "hi"
        @dataclass(slots=True)
        class Slotted(Mixin, Service):
            name = "slotted"
            def handle(self):
                return type(self).__slots__
        wb.invoke("slotted")
    """
    outputs = kernel.run(textwrap.dedent(cell))
    assert (outputs.result, said(outputs)) == ("()", ["slotted v1 is live."])


def test_a_captured_cell_deploys(kernel: Kernel) -> None:
    assert said(kernel.run("%%capture out\n" + service("captured", "1", "print(wb.invoke('captured'))"))) == [
        "captured v1 is live."
    ]
    assert kernel.run("out.stdout").result == repr("1\n")
    assert kernel.run("wb.services['captured'].source").result == repr(service("captured").rstrip())


def test_a_captured_cell_that_fails_deploys_nothing(kernel: Kernel) -> None:
    failed = kernel.run("%%capture\n" + service("hidden", "1", "1/0"), fails=True)
    assert said(failed)[-1].startswith("Nothing of this cell (Hidden) is live")
    assert kernel.run("'hidden' in wb.services").result == "False"


def test_a_failure_in_a_nested_cell_fails_the_whole(kernel: Kernel) -> None:
    nested = kernel.run(service("nested", "1", "get_ipython().run_cell('1/0')\nprint('went on')"), fails=True)
    assert nested.stdout == "went on\n"
    assert said(nested)[-1].startswith("Nothing of this cell (Nested) is live")
    assert kernel.run("'nested' in wb.services").result == "False"


def test_a_timed_cell_deploys_with_its_source_and_undefined_connections(kernel: Kernel) -> None:
    outputs = kernel.run("%%time\n" + service("timed", "self.out.rest['Nobody'].conn"))
    assert said(outputs) == ["timed v1 is live. It uses 1 connection that nobody defined yet: REST 'Nobody'."]
    assert kernel.run("wb.services['timed'].source").result is not None
    assert said(kernel.run(service("timed", "self.out.rest['Nobody'].conn"))) == [
        "timed v1 is live, unchanged. It uses 1 connection that nobody defined yet: REST 'Nobody'."
    ]


def test_timeit_leaves_nothing_behind(kernel: Kernel) -> None:
    assert said(kernel.run("%%timeit -n1 -r2\n" + service("often"))) == []
    assert kernel.run("'often' in wb.services").result == "False"


def test_a_script_that_is_run_deploys_and_its_change_is_a_new_version(kernel: Kernel, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from workbench import Service\n" + service("scripted", "1"))
    assert said(kernel.run(f"%run {script}")) == ["scripted v1 is live."]
    script.write_text("from workbench import Service\n" + service("scripted", "2"))
    assert said(kernel.run(f"%run {script}")) == ["scripted v2 is live (was v1: roll back)."]
    assert kernel.run("wb.invoke('scripted')").result == "2"
    assert kernel.run("print(wb.services['scripted'].source)").stdout == service("scripted", "2")


def test_a_cell_with_await_deploys(kernel: Kernel) -> None:
    cell = """
        import asyncio
        class Waits(Service):
            name = "waits"
            async def handle(self):
                await asyncio.sleep(0)
                return "awaited"
        await asyncio.sleep(0)
        wb.invoke("waits")
    """
    outputs = kernel.run(textwrap.dedent(cell))
    assert (outputs.result, said(outputs)) == ("'awaited'", ["waits v1 is live."])


def interrupted(kernel: Kernel, wait: str) -> str:
    """Interrupt a cell in its middle; the id of its request."""
    sent = kernel.send(service("cut", "1", f"print('began', flush=True)\n{wait}"))
    kernel.message(lambda message: message["msg_type"] == "stream" and "began" in message["content"]["text"])
    kernel.interrupt()
    return sent


def test_an_interrupted_cell_deploys_nothing(kernel: Kernel) -> None:
    with ended_within(10):
        outputs = kernel.wait(interrupted(kernel, NAPS), fails=True)
    assert said(outputs)[-1].startswith("Nothing of this cell (Cut) is live")
    assert kernel.run("'cut' in wb.services").result == "False"


def test_an_interrupted_await_deploys_nothing(kernel: Kernel) -> None:
    # ipykernel answers such a cell with nothing at all, so the next cell is asked.
    interrupted(kernel, "import asyncio; await asyncio.sleep(60)")
    outputs = kernel.run("'cut' in wb.services", timeout=10)
    assert (outputs.result, outputs.stdout, outputs.stderr) == ("False", "", "")
    assert said(kernel.run(service("uncut"))) == ["uncut v1 is live."]


def test_a_cell_that_awaits_ends_as_soon_as_it_is_interrupted(kernel: Kernel) -> None:
    """Though nothing else comes to the kernel, whose loop sleeps."""
    sent = kernel.send("import asyncio; print('began', flush=True); await asyncio.Event().wait()")
    kernel.message(lambda message: message["msg_type"] == "stream" and "began" in message["content"]["text"])
    kernel.interrupt()
    error = kernel.wait(sent, fails=True).error
    assert error is not None
    assert error["ename"] == "CancelledError"


def test_a_cell_that_does_not_parse_shows_its_line_alone(kernel: Kernel) -> None:
    failed = kernel.run("class X(Service)\n    pass", fails=True)
    assert failed.error is not None
    assert failed.error["ename"] == "SyntaxError"
    assert "File /" not in "".join(failed.error["traceback"])
    assert said(failed) == []


def test_versions_source_rollback_and_remove(kernel: Kernel) -> None:
    kernel.run(service("story", "1", "wb.define(RESTChannel('story'))"))
    kernel.run(service("story", "2"))
    assert kernel.run("wb.services['story'].versions").result == "[story v1, story v2]"
    assert kernel.run("print(wb.services['story'].source)").stdout == service("story", "2")
    assert kernel.run("wb.services['story'].rollback()").result == "story v1 is live again (was v2)."
    assert kernel.run("wb.invoke('story'), wb.call('/story').text").result == "(1, '1')"
    assert said(kernel.run(service("story", "3"))) == ["story v3 is live (was v1: roll back)."]
    kernel.run("wb.services.remove('story')")
    gone = kernel.run("wb.invoke('story')", fails=True).error
    assert gone is not None
    assert gone["evalue"].startswith("No service is named 'story'; there are: ")


def test_a_channel_may_be_defined_in_the_cell_of_its_service(kernel: Kernel, url: str) -> None:
    outputs = kernel.run(service("opens", "'open'", "wb.define(RESTChannel('opens', path='/api/opens'))"))
    opens = "REST 'opens' is open at /api/opens. No security: anyone on this machine may call it."
    assert said(outputs) == [f"opens v1 is live.\n{opens}"], "the channel is said once"
    assert outputs.result is None
    more = "wb.define(RESTChannel('opentoo', path='/api/opentoo'), Limit('opentoo', on='service', lines='9/m'))"
    shown = said(kernel.run(service("opentoo", "'open'", more)))
    assert [line.partition(" is open")[0] for line in "\n".join(shown).splitlines()] == [
        "Defined: limit on service 'opentoo'.",
        "opentoo v1 is live.",
        "REST 'opentoo'",
    ]
    assert requests.get(f"{url}/api/opens", timeout=30).text == "open"


def test_a_channel_for_a_service_that_is_nowhere_fails_its_cell(kernel: Kernel) -> None:
    failed = kernel.run("wb.define(RESTChannel('lost', service='nobody'))", fails=True)
    assert failed.error is not None
    assert "names the service 'nobody', which does not exist" in failed.error["evalue"]
    assert kernel.run("'lost' in wb.channels").result == "False"


def test_a_cells_own_calls_see_its_draft_and_callers_from_outside_do_not(
    kernel: Kernel, url: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    kernel.run(service("two", "'old'", "wb.define(RESTChannel('two'))"))
    more = f"""
print(f"{{wb.call('/two').text}} {{wb.call('/fresh').text}}\\n", end="", flush=True)
open({str(go)!r}).read()
"""
    more = "class Fresh(Service):\n    name = 'fresh'\n    def handle(self):\n        return 'new too'\n" + more
    sent = kernel.send(service("two", "'new'", "wb.define(RESTChannel('fresh'))\n" + more))
    seen = kernel.message(lambda message: message["msg_type"] == "stream")["content"]["text"]
    try:
        outside = [requests.get(f"{url}/two", timeout=30).text, requests.get(f"{url}/fresh", timeout=30).status_code]
    finally:
        go.write_text("on")
    kernel.wait(sent)
    assert seen == "new new too\n"
    assert outside == ["old", 404]
    assert [requests.get(f"{url}/{path}", timeout=30).text for path in ("two", "fresh")] == ["new", "new too"]


def test_a_hook_that_raises_deploys_nothing_and_shows_its_line(kernel: Kernel) -> None:
    hook = "    @classmethod\n    def before_add_to_store(cls, logger):\n        raise OSError('not now')\n"
    failed = kernel.run(service("hooked") + hook, fails=True)
    assert failed.error is not None
    assert failed.error["evalue"] == "not now"
    assert "before_add_to_store" in "".join(failed.error["traceback"])
    assert kernel.run("'hooked' in wb.services").result == "False"


def test_a_hook_that_says_no_leaves_its_service_out(kernel: Kernel) -> None:
    hook = "    @classmethod\n    def before_add_to_store(cls, logger):\n        return False\n"
    assert said(kernel.run(service("refused") + hook + service("taken"))) == ["taken v1 is live."]
    assert kernel.run("'refused' in wb.services").result == "False"
