"""The kernels that other tests use do what a person's kernel does."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from tests.kernels import IPYKERNELS, CellFailed, Kernel, KernelDied, ended_within


@pytest.fixture(scope="module", params=IPYKERNELS)
def kernel(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with Kernel(version=request.param) as kernel:
        yield kernel


def test_the_kernel_is_of_the_version_asked_for(kernel: Kernel) -> None:
    assert kernel.run("import ipykernel; ipykernel.__version__").result == repr(kernel.version)


def test_a_kernel_is_given_no_port_that_another_may_take_first(kernel: Kernel) -> None:
    listening = [each.laddr for each in psutil.Process(kernel.pid).net_connections() if each.status == "LISTEN"]
    # The way in for what its forked children print, whose port is chosen as it is bound.
    assert len(listening) <= 1


def test_outputs_come_in_order_and_by_type(kernel: Kernel) -> None:
    outputs = kernel.run("import sys\nprint('a')\ndisplay({'x': 1})\nprint('b', file=sys.stderr)\n6 * 7")
    assert [each["output_type"] for each in outputs.items] == ["stream", "display_data", "stream", "execute_result"]
    assert (outputs.stdout, outputs.stderr, outputs.result) == ("a\n", "b\n", "42")
    assert outputs.displays == [{"text/plain": "{'x': 1}"}]


def test_a_cell_that_raises_unasked_fails_the_test_with_its_words(kernel: Kernel) -> None:
    with pytest.raises(CellFailed, match="ZeroDivisionError: division by zero"):
        kernel.run("1 / 0")


def test_a_cell_that_is_expected_to_raise_must(kernel: Kernel) -> None:
    error = kernel.run("1 / 0", fails=True).error
    assert error is not None
    assert error["ename"] == "ZeroDivisionError"
    with pytest.raises(AssertionError, match="expected to raise"):
        kernel.run("1", fails=True)


def test_a_cell_that_does_not_end_is_interrupted_and_the_kernel_serves_on(kernel: Kernel) -> None:
    with pytest.raises(TimeoutError, match="did not end in 0.5 s"):
        kernel.run("import time; print('began', flush=True); time.sleep(60)", timeout=0.5)
    assert kernel.run("1").result == "1"


def test_a_running_cell_is_interrupted(kernel: Kernel) -> None:
    sent = kernel.send("import time\nprint('began', flush=True)\nwhile True: time.sleep(0.01)")
    kernel.message(lambda message: message["msg_type"] == "stream")
    with ended_within(5):
        kernel.interrupt()
        error = kernel.wait(sent, fails=True).error
    assert error is not None
    assert error["ename"] == "KeyboardInterrupt"


def test_other_requests_are_answered(kernel: Kernel) -> None:
    reply = kernel.ask("complete_request", code="import js", cursor_pos=9)
    assert "json" in reply["matches"]


def test_a_restart_forgets_and_the_process_is_another() -> None:
    with Kernel() as kernel:
        kernel.run("x = 1")
        first = kernel.pid
        kernel.restart()
        assert kernel.pid != first
        assert "NameError" in str(kernel.run("x", fails=True).error)


def test_a_killed_kernel_is_noticed_at_once_and_can_start_again() -> None:
    with Kernel() as kernel:
        sent = kernel.send("import time; time.sleep(60)")
        kernel.kill()
        with ended_within(5), pytest.raises(KernelDied):
            kernel.wait(sent)
        kernel.restart()
        assert kernel.run("1").result == "1"


def test_nothing_of_the_persons_jupyter_reaches_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "private.ipynb")
    monkeypatch.setenv("WORKBENCH_STORE", "sqlite:///private")
    with Kernel(env={"WORKBENCH_STORE": "memory://"}) as kernel:
        assert kernel.run("import os; os.environ.get('JPY_SESSION_NAME')").result is None
        assert kernel.run("os.environ['WORKBENCH_STORE']").result == "'memory://'"
