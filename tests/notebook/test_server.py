"""The kernel's server answers whatever its cells do."""

from __future__ import annotations

import time

import pytest
import requests

from tests.kernels import Kernel
from tests.notebook.conftest import TURN_ON

HELLO = "class Hello(Service):\n    name = 'hello'\n    def handle(self):\n        return 'there'\n"
OPEN = f"{TURN_ON}\n{HELLO}wb.define(RESTChannel('hello'))\n"


@pytest.fixture(scope="module", autouse=True)
def _hello(kernel: Kernel) -> None:
    kernel.run(OPEN)


def answered(url: str, times: int) -> float:
    """Call so often; the slowest answer [s]."""
    slowest = 0.0
    with requests.Session() as session:
        for _ in range(times):
            started = time.monotonic()
            assert session.get(f"{url}/hello", timeout=30).text == "there"
            slowest = max(slowest, time.monotonic() - started)
    return slowest


@pytest.mark.parametrize(
    "busy", ["time.sleep(3)", "while time.monotonic() < end: pass", "wb.call('/hello'); time.sleep(3)"]
)
def test_a_busy_cell_leaves_the_server_answering(kernel: Kernel, url: str, busy: str) -> None:
    cell = f"import time\nend = time.monotonic() + 3\nprint('began', flush=True)\n{busy}"
    sent = kernel.send(cell)
    kernel.message(lambda message: message["msg_type"] == "stream")
    slowest = answered(url, 20)
    kernel.interrupt()
    kernel.wait(sent, fails=True)
    assert slowest < 1.0


def test_a_cell_may_call_its_own_server(kernel: Kernel) -> None:
    assert kernel.run("import requests; requests.get(wb.url + '/hello', timeout=30).text").result == "'there'"


def test_an_interrupt_leaves_the_server_up(kernel: Kernel, url: str) -> None:
    sent = kernel.send("print('began', flush=True)\nimport time; time.sleep(60)")
    kernel.message(lambda message: message["msg_type"] == "stream")
    kernel.interrupt()
    kernel.wait(sent, fails=True)
    assert requests.get(f"{url}/hello", timeout=30).text == "there"
    assert kernel.run("wb.url").result == repr(url)


def test_an_interrupt_inside_an_inline_call_leaves_the_server_up(kernel: Kernel, url: str) -> None:
    kernel.run(
        "class Sleeps(Service):\n    name = 'sleeps'\n    def handle(self):\n"
        "        print('began', flush=True)\n        import time; time.sleep(60)\n"
    )
    sent = kernel.send("wb.invoke('sleeps')")
    kernel.message(lambda message: message["msg_type"] == "stream")
    kernel.interrupt()
    error = kernel.wait(sent, fails=True).error
    assert error is not None
    assert error["ename"] == "KeyboardInterrupt"
    assert "/workbench/" not in "".join(error["traceback"])
    assert requests.get(f"{url}/hello", timeout=30).text == "there"
