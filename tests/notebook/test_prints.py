"""What services print and log goes to their call, under the cell of the person who made it, and into no other cell."""

from __future__ import annotations

import pytest
import requests

from tests.kernels import Kernel

NOISY = """
import logging, sys, threading
class Noisy(Service):
    name = "noisy"
    def handle(self):
        print("printed")
        print("to stderr", file=sys.stderr)
        self.logger.info("logged %d", 1)
        logging.getLogger("a.library").warning("warned")
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()
        return "ok"
wb.define(RESTChannel("noisy"))
"""
SAID = {"printed", "to stderr", "INFO logged 1", "from a thread"}


@pytest.fixture(scope="module", autouse=True)
def _noisy(kernel: Kernel) -> None:
    kernel.run(NOISY)


def test_prints_of_a_call_made_in_a_cell_show_under_it(kernel: Kernel) -> None:
    outputs = kernel.run("wb.invoke('noisy')")
    assert outputs.stdout == "printed\nfrom a thread\n"
    assert "to stderr\n" in outputs.stderr
    assert outputs.result == "'ok'"


def test_a_call_from_outside_prints_into_no_cell(kernel: Kernel, url: str) -> None:
    kernel.run("import time\nprint('this cell ran last')")
    sent = kernel.send("print('began', flush=True)\ntime.sleep(0.5)\nprint('ended')")
    shown = kernel.message(lambda message: message["msg_type"] == "stream")["content"]["text"]
    assert requests.get(f"{url}/noisy", timeout=30).text == "ok"
    outputs = kernel.wait(sent)
    assert (shown, outputs.stdout, outputs.stderr) == ("began\n", "ended\n", "")


def test_a_call_through_the_server_keeps_its_lines_in_its_trace_and_in_the_log(kernel: Kernel, url: str) -> None:
    cid = requests.get(f"{url}/noisy", timeout=30).headers["X-Zato-CID"]
    lines = kernel.run(f"set(wb.traffic.find({cid!r}).lines)").result
    logged = kernel.run(f"set(line.text for line in wb.log.of({cid!r}))").result
    assert lines is not None
    assert logged is not None
    for each in SAID:
        assert each in lines
        assert each.removeprefix("INFO ") in logged
    assert "warned" in lines


def test_wb_call_keeps_its_lines_in_its_trace(kernel: Kernel) -> None:
    outputs = kernel.run("answer = wb.call('/noisy')\nany(line.startswith('printed') for line in answer.trace.lines)")
    assert (outputs.result, outputs.stdout, outputs.stderr) == ("True", "", "")


def test_capture_takes_what_a_call_in_it_prints(kernel: Kernel) -> None:
    assert kernel.run("%%capture out\nwb.invoke('noisy')").stdout == ""
    assert kernel.run("print(out.stdout, end='')").stdout == "printed\nfrom a thread\n"


def test_redirected_output_goes_where_it_is_redirected(kernel: Kernel) -> None:
    cell = "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as out:\n    wb.invoke('noisy')"
    assert kernel.run(cell).stdout == ""
    assert kernel.run("print(out.getvalue(), end='')").stdout == "printed\nfrom a thread\n"


def test_cells_print_as_ever(kernel: Kernel) -> None:
    outputs = kernel.run("print('a'); print('b', file=sys.stderr); sys.stdout.write('c\\n'); sys.stdout.flush()")
    assert (outputs.stdout, outputs.stderr) == ("a\nc\n", "b\n")


def test_a_persons_own_logging_works_as_ever(kernel: Kernel) -> None:
    assert "a warning" in kernel.run("logging.getLogger('mine').warning('a warning')").stderr
    kernel.run("logging.basicConfig(level=logging.INFO, format='%(message)s!')")
    assert kernel.run("logging.getLogger('mine').info('news')").stderr == "news!\n"
    kernel.run("logging.getLogger().handlers.clear(); logging.getLogger().setLevel(logging.WARNING)")


def test_a_persons_own_thread_prints_into_a_cell(kernel: Kernel) -> None:
    assert kernel.run("t = threading.Thread(target=print, args=('mine',)); t.start(); t.join()").stdout == "mine\n"


def test_a_persons_own_thread_prints_into_its_cell_after_the_threads_of_calls(kernel: Kernel, url: str) -> None:
    # Numbers of threads that have ended are given out anew; no collection by itself comes to the help of who forgets.
    kernel.run("import gc; gc.disable()")
    try:
        for number in range(3):
            assert requests.get(f"{url}/noisy", timeout=30).status_code == 200
            thread = f"t = threading.Thread(target=print, args=({number},)); t.start(); t.join()"
            assert kernel.run(thread).stdout == f"{number}\n"
    finally:
        kernel.run("gc.enable()")


def test_a_service_that_raises_is_logged_with_its_traceback(kernel: Kernel, url: str) -> None:
    kernel.run(
        "class Raises(Service):\n    name = 'raises'\n    def handle(self):\n        raise KeyError('secret detail')\n"
        "wb.define(RESTChannel('raises'))"
    )
    answer = requests.get(f"{url}/raises", timeout=30)
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    cid = answer.headers["X-Zato-CID"]
    logged = kernel.run(f"print(*(line.text for line in wb.log.of({cid!r})))").stdout
    assert "Traceback (most recent call last)" in logged
    assert "raise KeyError('secret detail')" in logged


def test_a_call_from_outside_prints_into_no_capture(kernel: Kernel, url: str) -> None:
    code = f"%%capture caught\nprint('mine')\nimport requests\nprint(requests.get('{url}/noisy', timeout=30).text)"
    kernel.run(code)
    assert kernel.run("print(caught.stdout, end='')").stdout == "mine\nok\n"
    kernel.run("%%capture caught\nwb.invoke('noisy')")
    assert kernel.run("print(caught.stdout, end='')").stdout == "printed\nfrom a thread\n"
    assert kernel.run("print('afterwards')").stdout == "afterwards\n"
