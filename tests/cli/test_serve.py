"""`workbench serve`: a file's services without a notebook, and an orderly end."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.cli.conftest import WAIT_SECONDS, CommandLine
from tests.kernels import ROOT
from tests.serving import until

MODULE = """
from workbench import RESTChannel, Service, wb

class Slow(Service):
    name = "slow"

    def handle(self):
        import time
        open("began", "w").close()
        time.sleep(1)
        return "done"

wb.define(RESTChannel("slow"))
"""


def notebook(*cells: str | tuple[str, str]) -> str:
    """A notebook of code cells; a cell given with a tag has it."""
    made = []
    for each in cells:
        text, tag = each if isinstance(each, tuple) else (each, "")
        made.append(
            {
                "cell_type": "code",
                "source": text,
                "metadata": {"tags": [tag] if tag else []},
                "outputs": [],
                "execution_count": None,
            }
        )
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_module_is_served_and_sigterm_lets_a_call_in_flight_end(
    fresh: CommandLine, ended: Callable[[str], bool]
) -> None:
    served = fresh.serve(fresh.module("services.py", MODULE))
    assert (served.told["services"], served.told["channels"]) == (["slow"], ["slow"])
    os.mkfifo(fresh.folder / "began")
    with ThreadPoolExecutor() as pool:
        call = pool.submit(requests.get, f"{served.url}/slow", timeout=20)
        assert (fresh.folder / "began").read_text() == ""
        status, said = served.stop(signal.SIGTERM)
        answer = call.result(20)
    assert (answer.status_code, answer.text) == (200, "done")
    assert status == 0
    assert said == "Stopping: calls in flight may end.\n"
    assert ended(served.url)
    assert fresh.run("status", "--json").stdout.strip() == "[]"


def test_a_served_file_that_changes_or_goes_is_told_in_one_line_each(fresh: CommandLine) -> None:
    path, settings = fresh.module("services.ipynb", notebook(MODULE)), fresh.folder / "workbench.toml"
    with fresh.running("serve", str(path)) as served:
        assert served.stdout is not None
        for _ in range(2):
            served.stdout.readline()
        path.write_text(notebook(f"{MODULE}\n# edited\n"))
        assert served.stdout.readline().startswith("services.ipynb has changed; what is served stays as it was. Fix: ")
        path.unlink()
        assert served.stdout.readline().startswith("services.ipynb is gone; what is served stays as it was. Fix: ")
        settings.write_text("threads = 8\n")
        assert served.stdout.readline().startswith("workbench.toml has changed; what is served has the settings from ")
        settings.write_text("treads = 8\n")
        said = f"What is served has the settings from before, since {settings} is not valid. line 1: 'treads' is no "
        assert served.stdout.readline().startswith(said)
        served.send_signal(signal.SIGTERM)
        said, _ = served.communicate(timeout=WAIT_SECONDS)
    assert (served.returncode, said) == (0, "Stopping: calls in flight may end.\n")


@pytest.mark.parametrize("what", ["shop", "shop/a.py"])
def test_a_save_in_a_served_folder_or_module_goes_live(fresh: CommandLine, what: str) -> None:
    (fresh.folder / "shop").mkdir()
    module = "from workbench import Service, RESTChannel, wb\nwb.define(RESTChannel('a'))\nclass A(Service):\n"
    module += "    name = 'a'\n    def handle(self):\n        return {}\n"
    path = fresh.module("shop/a.py", module.format(1))
    served = fresh.serve(fresh.folder / what)
    path.write_text(module.format(22))
    until(lambda: requests.get(f"{served.url}/a", timeout=30).text == "22", "the save is live")
    status, said = served.stop(signal.SIGTERM)
    assert status == 0
    assert f"INFO    workbench.folders: {'shop: ' if what == 'shop' else ''}a.py changed. Live: a v2." in said
    assert "Stopping: calls in flight may end.\n" in said


def test_where_it_serves_is_said_in_words_and_sigint_ends_it_too(fresh: CommandLine) -> None:
    with fresh.running("serve", str(fresh.module("services.py", MODULE))) as served:
        assert served.stdout is not None
        assert served.stdout.readline().startswith("Serving 1 service of services.py at http://localhost:")
        assert served.stdout.readline() == "  any method /slow: slow\n"
        served.send_signal(signal.SIGINT)
        said, _ = served.communicate(timeout=WAIT_SECONDS)
    assert (served.returncode, said) == (0, "Stopping: calls in flight may end.\n")


def test_a_call_that_does_not_end_is_not_waited_for_longer_than_asked(fresh: CommandLine) -> None:
    endless = MODULE.replace("time.sleep(1)", "time.sleep(60)")
    served = fresh.serve(fresh.module("services.py", endless), "--drain", "0.3")
    os.mkfifo(fresh.folder / "began")
    with ThreadPoolExecutor() as pool:
        call = pool.submit(requests.get, f"{served.url}/slow", timeout=20)
        assert (fresh.folder / "began").read_text() == ""
        assert served.stop(signal.SIGTERM)[0] == 0
        with pytest.raises(requests.ConnectionError):
            call.result(20)


def test_the_first_notebook_is_served(cli: CommandLine) -> None:
    served = cli.serve(ROOT / "notebooks" / "00-hello.ipynb")
    assert served.told["services"] == ["api.hello", "api.orders", "api.price"]
    assert requests.get(f"{served.url}/api/hello?name=you", timeout=30).text == "Hello you!\n"
    assert requests.get(f"{served.url}/api/price/EUR", timeout=30).json()["tea"] == 3.24
    assert served.stop(signal.SIGTERM)[0] == 0


def test_a_notebook_with_magics_is_served_and_says_what_its_cells_print(fresh: CommandLine) -> None:
    cells = notebook(
        "%load_ext workbench",
        "%%time\nfrom workbench import *\nclass A(Service):\n    name = 'a'\n    def handle(self):\n        return 1",
        ("1 / 0", "raises-exception"),
        ("raise SystemError", "test"),
        "print('from a cell')\n6 * 7",
        "import asyncio\nawait asyncio.sleep(0)\nwb.define(RESTChannel('a'))",
    )
    path = fresh.module("some.ipynb", cells)
    served = fresh.serve(path)
    assert requests.get(f"{served.url}/a", timeout=30).text == "1"
    assert served.stop(signal.SIGTERM)[0] == 0
    shown = fresh.run("serve", str(fresh.module("ends.ipynb", notebook("print('from a cell')\n6 * 7", "1 / 0"))))
    assert shown.stdout == "from a cell\n"


def test_a_notebook_without_imports_is_served_as_the_workbench_kernel_runs_it(fresh: CommandLine) -> None:
    cells = notebook(
        "class A(Service):\n    name = 'a'\n    def handle(self):\n        return 1", "wb.define(RESTChannel('a'))"
    )
    served = fresh.serve(fresh.module("bare.ipynb", cells))
    assert requests.get(f"{served.url}/a", timeout=30).text == "1"
    assert served.stop(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "bad.py",
            "from workbench import Service\n\nx = 1 / 0\n",
            "bad.py, line 3, failed: ZeroDivisionError: division",
        ),
        ("bad.py", "class X(\n", "bad.py does not parse: '(' was never closed (line 1). Nothing of it went live."),
        ("bad.py", "from zato.server.nothing import X\n", "No module named 'zato.server.nothing' in the workbench"),
        ("bad.ipynb", notebook("x = 1", "y = 2\n1 / 0"), "bad.ipynb, cell 2, line 2, failed: ZeroDivisionError: div"),
        ("bad.ipynb", notebook("class X("), "bad.ipynb, cell 1, line 1, failed: SyntaxError: incomplete input"),
        ("bad.ipynb", notebook("%nothing"), "bad.ipynb, cell 1"),
        ("bad.ipynb", "{not json", "bad.ipynb is no notebook: "),
        ("bad.ipynb", notebook("from workbench import *\nwb.define(RESTChannel('x'))"), "names the service 'x', which"),
        ("bad.txt", "hello", "'bad.txt' is neither a module (.py) nor a notebook (.ipynb)."),
    ],
)
def test_a_file_that_cannot_be_served_is_refused_in_one_sentence(
    fresh: CommandLine, name: str, text: str, said: str
) -> None:
    words = fresh.refused("serve", str(fresh.module(name, text)))
    assert words.startswith("workbench: ")
    assert said in words
    assert len(words.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("early.ipynb", "exit()", 0),
        ("early.ipynb", "quit()", 0),
        ("early.ipynb", "import sys\nsys.exit(0)", 0),
        ("early.ipynb", "raise SystemExit", 0),
        ("early.ipynb", "raise SystemExit(3)", 3),
        ("early.py", "exit()", 0),
        ("early.py", "raise SystemExit(3)", 3),
    ],
)
def test_a_file_that_says_exit_ends_with_its_status_and_says_so(
    fresh: CommandLine, name: str, code: str, status: int
) -> None:
    is_notebook = name.endswith(".ipynb")
    text = notebook("x = 1", code, "print('never')") if is_notebook else code
    where = "early.ipynb, cell 2," if is_notebook else name
    told = f"workbench: {where} ends the run with exit; nothing is served.\n"
    ended = fresh.run("serve", str(fresh.module(name, text)))
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "", told)


def test_a_file_that_is_not_there_is_refused(fresh: CommandLine) -> None:
    assert fresh.refused("serve", "nowhere.ipynb") == (
        "workbench: There is no file 'nowhere.ipynb'. Fix: correct the path."
    )


def test_a_port_that_is_none_is_refused(fresh: CommandLine) -> None:
    assert "'99999' is no port" in fresh.refused("serve", "x.py", "--port", "99999", code=2)
    fresh.module("services.py", MODULE)
    words = fresh.refused("serve", "services.py", WORKBENCH_PORT="many")
    assert "WORKBENCH_PORT is 'many', which is no port." in words


def test_a_busy_port_names_its_owner(fresh: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        port = str(owner.getsockname()[1])
        words = fresh.refused("serve", str(fresh.module("services.py", MODULE)), "--port", port)
    assert f"Port {port} is in use by " in words


PLAIN = "print('began', flush=True)\nimport time; time.sleep(60)"
SWALLOWED = """
import time

try:
    print('began', flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(60)
"""
STUBBORN = """
import time

try:
    print('began', flush=True)
    time.sleep(60)
except BaseException:
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""
# The signal goes to another thread, and this one sleeps on: as if it had come in the instant before the sleep.
UNHEARD = """
import signal, threading, time

threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
threading.Timer(0.5, print, ['began'], {'flush': True}).start()
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("cells", "drain", "status"),
    [
        ([PLAIN], "30", 130),
        ([(PLAIN, "raises-exception"), "print('went on', flush=True)"], "30", 130),
        ([SWALLOWED], "30", 130),
        ([STUBBORN], "0", -signal.SIGTERM),
        ([UNHEARD], "30", 130),
    ],
    ids=["plain", "may raise", "swallowed", "stubborn", "unheard"],
)
def test_a_signal_while_the_file_still_runs_ends_it(
    fresh: CommandLine, cells: list[str | tuple[str, str]], drain: str, status: int
) -> None:
    path = fresh.module("endless.ipynb", notebook(*cells))
    with fresh.running("serve", str(path), "--drain", drain) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "began\n"
        running.send_signal(signal.SIGTERM)
        assert running.communicate(timeout=WAIT_SECONDS) == ("", None)
    assert running.returncode == status


STARTUP = """
def f(ctx):
    if ctx.phase == "fs-config-only":
        ctx.kwargs["server_config"].component_enabled.fpt = False
    else:
        ctx.kwargs["server"].invoke("zato.cache.builtin.create", {"name": "made"})
        ctx.kwargs["server"].invoke("serving.last")
        raise ValueError("no luck")
"""
AT_ITS_END = """
from workbench import Service, wb
assert not wb.startup.is_done
class Last(Service):
    name = "serving.last"
    def handle(self):
        open("invoked", "w").close()
"""


def test_startup_callables_are_told_once_the_file_has_run(fresh: CommandLine) -> None:
    (fresh.folder / "extlib").mkdir()
    fresh.module("extlib/my_startup.py", STARTUP)
    fresh.module("workbench.toml", "[startup]\nstartup_callable = ['my_startup.f']\n")
    served = fresh.serve(fresh.module("two.ipynb", notebook(AT_ITS_END, "assert not wb.startup.is_done")))
    assert (fresh.folder / "invoked").exists()
    assert '"made"' in fresh.run("invoke", "workbench.cache.get-list").stdout
    _, said = served.stop(signal.SIGTERM)
    assert "WARNING workbench.startup: Startup callable my_startup.f: No component is named 'fpt'" in said
    assert "ERROR   workbench.startup: Startup callable my_startup.f failed in after-started" in said
    fresh.module("workbench.toml", "[startup]\nstartup_callable = ['my_startup.f']\non_error = 'stop'\n")
    assert "The start ends here, as startup_on_error says. Fix: " in fresh.refused("serve", "two.ipynb")
