"""The kernel's server answers whatever its cells do."""

from __future__ import annotations

import pytest
import requests

from tests.kernels import NAPS, Kernel
from tests.notebook.conftest import TURN_ON

HELLO = "class Hello(Service):\n    name = 'hello'\n    def handle(self):\n        return 'there'\n"
OPEN = f"{TURN_ON}\n{HELLO}wb.define(RESTChannel('hello'))\n"


@pytest.fixture(scope="module", autouse=True)
def _hello(kernel: Kernel) -> None:
    kernel.run(OPEN)


LONG = 600
"""How long a cell is busy [s]: longer than any test may take, so that it ends by an interrupt or not at all."""


@pytest.mark.parametrize(
    "busy",
    [
        f"time.sleep({LONG})",
        "while time.monotonic() < end: pass",
        f"wb.call('/hello'); time.sleep({LONG})",
    ],
)
def test_a_busy_cell_leaves_the_server_answering(kernel: Kernel, url: str, busy: str) -> None:
    cell = f"import time\nend = time.monotonic() + {LONG}\nprint('began', flush=True)\n{busy}"
    sent = kernel.send(cell)
    kernel.message(lambda message: message["msg_type"] == "stream")
    with requests.Session() as session:
        for _ in range(20):
            assert session.get(f"{url}/hello", timeout=30).text == "there"
    # Not by the clock: all answers were there while the cell still ran, or there would be nothing to interrupt.
    kernel.interrupt()
    error = kernel.wait(sent, fails=True).error
    assert error is not None
    assert error["ename"] == "KeyboardInterrupt"


def test_a_cell_may_call_its_own_server(kernel: Kernel) -> None:
    assert kernel.run("import requests; requests.get(wb.url + '/hello', timeout=30).text").result == "'there'"


def test_an_interrupt_leaves_the_server_up(kernel: Kernel, url: str) -> None:
    sent = kernel.send(f"print('began', flush=True)\n{NAPS}")
    kernel.message(lambda message: message["msg_type"] == "stream")
    kernel.interrupt()
    kernel.wait(sent, fails=True)
    assert requests.get(f"{url}/hello", timeout=30).text == "there"
    assert kernel.run("wb.url").result == repr(url)


def test_an_interrupt_inside_an_inline_call_leaves_the_server_up(kernel: Kernel, url: str) -> None:
    kernel.run(
        "class Sleeps(Service):\n    name = 'sleeps'\n    def handle(self):\n"
        f"        print('began', flush=True)\n        exec({NAPS!r})\n"
    )
    sent = kernel.send("wb.invoke('sleeps')")
    kernel.message(lambda message: message["msg_type"] == "stream")
    kernel.interrupt()
    error = kernel.wait(sent, fails=True).error
    assert error is not None
    assert error["ename"] == "KeyboardInterrupt"
    assert "/workbench/" not in "".join(error["traceback"])
    assert requests.get(f"{url}/hello", timeout=30).text == "there"
