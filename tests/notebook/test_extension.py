"""Turned on once, by import, by `%load_ext` or by the Workbench kernel, and turned off without a trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernels import IPYKERNELS, Kernel, Outputs

GREETING = "Workbench on. Services go live when their cell has run. Type wb to see everything."
SERVICE = (
    "from workbench import Service\nclass {0}(Service):\n    name = '{0}'\n    def handle(self):\n        return 1\n"
)


def said(outputs: Outputs) -> list[str]:
    return [each["text/plain"] for each in outputs.displays]


@pytest.fixture(scope="module", params=IPYKERNELS)
def workbench_kernel(request: pytest.FixtureRequest, env: dict[str, str]) -> Iterator[Kernel]:
    """A kernel from the Workbench specification, in which nothing has run yet."""
    with Kernel("workbench", version=request.param, env=env) as kernel:
        yield kernel


def test_the_workbench_kernel_greets_once_where_wb_is_first_spoken_of(workbench_kernel: Kernel) -> None:
    assert said(workbench_kernel.run("1 + 1")) == []
    unnamed = "from workbench.app.singleton import the_workbench\nthe_workbench().url"
    assert workbench_kernel.run(unnamed).result == "''", "starting a kernel binds nothing"
    first = workbench_kernel.run("wb")
    assert said(first) == [GREETING]
    assert str(first.result).startswith("Workbench: ")
    assert said(workbench_kernel.run("from workbench import wb, Service")) == []
    assert said(workbench_kernel.run("from workbench import wb, Service")) == []
    assert workbench_kernel.run("wb.url != ''").result == "True"
    again = workbench_kernel.run("%load_ext workbench")
    assert again.items == []


def test_unload_leaves_the_kernel_as_it_was_and_load_turns_it_on_again(workbench_kernel: Kernel) -> None:
    workbench_kernel.run("from workbench import wb; url = wb.url; kept = wb")
    assert workbench_kernel.run("%unload_ext workbench").items == []
    gone = "import sys, logging, threading, urllib.request"
    workbench_kernel.run(gone)
    assert workbench_kernel.run("'wb' in globals(), type(sys.stdout).__name__").result == "(False, 'OutStream')"
    assert "refused" in str(workbench_kernel.run("urllib.request.urlopen(url + '/ping', timeout=30)", fails=True).error)
    assert said(workbench_kernel.run(SERVICE.format("unheard"))) == []
    assert "ModuleNotFoundError" in str(workbench_kernel.run("import zato.server.unknown", fails=True).error)
    assert said(workbench_kernel.run("%load_ext workbench")) == [GREETING]
    assert said(workbench_kernel.run(SERVICE.format("heard"))) == ["heard v1 is live."]
    assert said(workbench_kernel.run("%reload_ext workbench")) == [GREETING]
    assert said(workbench_kernel.run(SERVICE.format("anew"))) == ["anew v1 is live."]


def test_other_extensions_load_as_ever(workbench_kernel: Kernel) -> None:
    workbench_kernel.run("%load_ext workbench")
    workbench_kernel.run("%load_ext autoreload")
    assert "already loaded" in workbench_kernel.run("%load_ext autoreload").stdout
    assert "No module named" in str(workbench_kernel.run("%load_ext nowhere_to_be_found", fails=True).error)


@pytest.mark.parametrize("version", IPYKERNELS)
def test_load_ext_greets_in_a_plain_kernel(version: str, env: dict[str, str]) -> None:
    with Kernel(version=version, env=env) as kernel:
        assert said(kernel.run("%load_ext workbench")) == [GREETING]
        assert said(kernel.run("from workbench import wb")) == []
        assert said(kernel.run(SERVICE.format("x") + "wb.invoke('x')")) == ["x v1 is live."]


def test_an_extension_that_fails_shows_itself_in_the_first_cell(env: dict[str, str]) -> None:
    with Kernel("workbench", env=env | {"WORKBENCH_PORT": "eleven"}) as kernel:
        first = kernel.run("print('the cell runs')", fails=True)
        assert first.error is not None
        assert first.error["evalue"] == (
            "WORKBENCH_PORT is 'eleven', which is no port. Fix: give a number from 0 to 65535 (0 takes any)."
        )
        assert first.stdout == "the cell runs\n"
        assert kernel.run("print('once')").error is None


@pytest.fixture(scope="module")
def one(env: dict[str, str]) -> Iterator[Kernel]:
    """A kernel of the installed ipykernel with the workbench on."""
    with Kernel(env=env) as kernel:
        kernel.run("from workbench import wb, Service, RESTChannel")
        yield kernel


def test_tab_completes_the_names_of_services(kernel: Kernel) -> None:
    kernel.run(SERVICE.format("first.of.all").replace("class first.of.all", "class First"))
    for code in ('wb.services["', "wb.services['fir", "wb.channels['"):
        reply = kernel.ask("complete_request", code=code, cursor_pos=len(code))
        assert reply["status"] == "ok"
        names = [each.strip("'\"]") for each in reply["matches"]]
        assert ("first.of.all" in names) == ("services" in code), (code, reply["matches"])


def test_tab_completes_the_fields_of_definitions(one: Kernel) -> None:
    code = "RESTChannel('x', pa"
    assert "path=" in one.ask("complete_request", code=code, cursor_pos=len(code))["matches"]


def test_import_again_and_reload_keep_the_one_workbench(one: Kernel) -> None:
    one.run(SERVICE.format("kept"))
    one.run("import importlib, workbench, workbench.app.singleton, workbench.notebook.extension as extension")
    for module in ("workbench", "workbench.app.singleton", "extension"):
        assert said(one.run(f"importlib.reload({module}); from workbench import wb as again")) == []
        assert one.run("again is wb, 'kept' in again.services").result == "(True, True)"
    assert said(one.run(SERVICE.format("after"))) == ["after v1 is live."]


def test_autoreload_changes_a_helper_and_leaves_the_workbench_alone(one: Kernel) -> None:
    one.run("%load_ext autoreload\n%autoreload 2")
    one.run("import os, pathlib; helper = pathlib.Path('helper_of_mine.py'); helper.write_text('WORD = \"old\"\\n')")
    one.run(
        "import helper_of_mine\nclass Helped(Service):\n    name = 'helped'\n"
        "    def handle(self):\n        return helper_of_mine.WORD"
    )
    assert one.run("wb.invoke('helped')").result == "'old'"
    one.run("helper.write_text('WORD = \"renewed\"\\n'); os.utime(helper, (2e9, 2e9))")
    one.run("1")
    assert one.run("wb.invoke('helped')").result == "'renewed'"
    one.run("%autoreload 0")


def test_one_thread_serves_however_often_it_is_turned_on(one: Kernel) -> None:
    assert said(one.run("%load_ext workbench")) == []
    assert one.run("len([t for t in __import__('threading').enumerate() if t.name == 'workbench-http'])").result == "1"


def test_a_kernel_whose_environment_was_not_activated_finds_the_command(env: dict[str, str]) -> None:
    with Kernel("workbench", env=env | {"PATH": "/usr/bin:/bin"}) as kernel:
        assert kernel.run("!workbench --version").stdout.startswith("workbench ")
        kernel.run("%unload_ext workbench")
        kernel.run("import os")
        assert kernel.run("os.environ['PATH']").result == "'/usr/bin:/bin'"
