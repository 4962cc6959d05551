"""Real kernels for tests: any supported ipykernel, every wait bounded, nothing inherited from the person's Jupyter."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from types import TracebackType
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).resolve().parent.parent
# Where output of threads and callbacks of widgets go differs between these three.
NAPS = "import time\nfor _ in range(6_000): time.sleep(0.01)"
"""A minute that a signal ends: one that comes in the instant before a sleep waits for its end."""

IPYKERNELS = ("6.31.0", "7.3.0", "7.4.0")
_ALSO = {"6.31.0": ("nest-asyncio>=1.4",)}

Message = dict[str, Any]


class CellFailed(AssertionError):
    """A cell raised, and the test did not expect it."""

    def __init__(self, code: str, error: Message) -> None:
        super().__init__(
            f"The cell\n{code}\nraised {error['ename']}: {error['evalue']}\n" + "\n".join(error["traceback"])
        )


class CellAborted(AssertionError):
    """The kernel refused to run a cell, because one before it had failed."""


class KernelDied(AssertionError):
    """The kernel's process has ended while the test waited for it."""


@dataclass(frozen=True)
class Outputs:
    """What one cell showed, in order, as notebook outputs (`output_type`, and the fields of that type)."""

    items: list[Message] = field(default_factory=list)
    execution_count: int | None = None

    def of(self, output_type: str) -> list[Message]:
        """Outputs of one type: stream, execute_result, display_data, update_display_data, error."""
        return [item for item in self.items if item["output_type"] == output_type]

    @property
    def stdout(self) -> str:
        """All that was printed."""
        return "".join(item["text"] for item in self.of("stream") if item["name"] == "stdout")

    @property
    def stderr(self) -> str:
        """All that was written to standard error."""
        return "".join(item["text"] for item in self.of("stream") if item["name"] == "stderr")

    @property
    def result(self) -> str | None:
        """Plain text of the cell's last expression."""
        return next((str(item["data"]["text/plain"]) for item in self.of("execute_result")), None)

    @property
    def displays(self) -> list[dict[str, Any]]:
        """The MIME bundle of each display, results not included."""
        return [item["data"] for item in self.of("display_data")]

    @property
    def error(self) -> Message | None:
        """`ename`, `evalue` and `traceback` of the exception that ended the cell."""
        return next(iter(self.of("error")), None)


def ipykernel_path(version: str) -> Path:
    """A folder that holds one version of ipykernel and what only it needs, installed at first use and kept."""
    target = ROOT / ".cache" / f"ipykernel-{version}"
    target.parent.mkdir(exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            with tempfile.TemporaryDirectory(dir=target.parent) as fresh:
                packages = [f"ipykernel=={version}", *_ALSO.get(version, ())]
                pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", f"{fresh}/packages"]
                subprocess.run([*pip, *packages], check=True, timeout=120, stdin=subprocess.DEVNULL)
                Path(fresh, "packages").rename(target)
    return target


def kernel_env(version: str | None = None, **more: str) -> dict[str, str]:
    """The environment of a kernel: this checkout importable, one version of ipykernel, no Jupyter settings inherited.

    Args:
        version: One of IPYKERNELS, or None for the installed one.
        more: Variables to add.
    """
    private = ("JUPYTER", "JPY_", "IPYTHON", "WORKBENCH", "PYTEST")
    env = {key: value for key, value in os.environ.items() if not key.startswith(private)}
    path = [str(ipykernel_path(version))] if version else []
    env["PYTHONPATH"] = os.pathsep.join([*path, str(ROOT)])
    env["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    return env | more


class Kernel:
    """One kernel process and a client that asks it one thing at a time.

    >>> with Kernel("workbench", version="6.31.0") as kernel:
    ...     assert kernel.run("print(6 * 7)").stdout == "42\\n"

    Args:
        name: `python3`, or a specification of this checkout's `kernels` folder.
        version: One of IPYKERNELS, or None for the installed one.
        cwd: Where the kernel starts; a fresh folder otherwise.
        env: Variables to add to `kernel_env`.
        installed: Look the specification up where JupyterLab would, not in this checkout.
    """

    def __init__(
        self,
        name: str = "python3",
        *,
        version: str | None = None,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        installed: bool = False,
    ) -> None:
        self.version = version
        self._home = Path(tempfile.mkdtemp(prefix="kernel-"))
        folders = KernelSpecManager() if installed else KernelSpecManager(kernel_dirs=[str(ROOT / "kernels")])
        # Over files in its own folder: a TCP port that was free when it was chosen may not be when the kernel binds it.
        where: dict[str, Any] = {"transport": "ipc", "connection_file": str(self._home / "connection.json")}
        self.manager = KernelManager(kernel_name=name, kernel_spec_manager=folders, **where)
        self._stderr = (self._home / "stderr").open("w")
        self._start: dict[str, Any] = {
            "cwd": str(cwd or self._home),
            "env": kernel_env(version, IPYTHONDIR=str(self._home / "ipython"), **(env or {})),
            "stdout": subprocess.DEVNULL,
            "stderr": self._stderr,
        }
        self.client: BlockingKernelClient | None = None

    def start(self, timeout: float = 30.0) -> Kernel:
        """Start the process and wait until it answers."""
        self.manager.start_kernel(**self._start)
        self._connect(timeout)
        return self

    def _connect(self, timeout: float) -> None:
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        try:
            self.client.wait_for_ready(timeout=timeout)
        except RuntimeError as exc:
            raise AssertionError(f"The kernel did not answer within {timeout} s:\n{self.log}") from exc

    @property
    def pid(self) -> int:
        """Process of the kernel."""
        return int(self._process.pid)

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        provisioner: Any = self.manager.provisioner
        process: subprocess.Popen[bytes] = provisioner.process
        return process

    @property
    def log(self) -> str:
        """What the kernel process itself wrote to standard error."""
        return (self._home / "stderr").read_text()

    def run(self, code: str, timeout: float = 30.0, *, fails: bool = False) -> Outputs:
        """Run one cell to its end.

        Args:
            code: Source of the cell.
            timeout: Longest wait for its end [s].
            fails: True if the cell is expected to raise; then it must.

        Raises:
            CellFailed: It raised and was not expected to.
            TimeoutError: It did not end in time; the cell is interrupted.
        """
        end = time.monotonic() + timeout
        while True:
            try:
                return self.wait(self.send(code), timeout, fails=fails, code=code)
            except CellAborted:
                # For a moment after a failed cell a kernel refuses cells, lest a "run all" go on; nothing has run.
                if time.monotonic() >= end:
                    raise

    def run_as(self, cell: str, code: str, *, fails: bool = False) -> Outputs:
        """Run code as the cell of that id, as JupyterLab does; `fails` as of `run`."""
        return self.wait(self.send_as(cell, code), fails=fails, code=code)

    def send_as(self, cell: str, code: str) -> str:
        """Start code as the cell of that id and return its message id, for `wait`."""
        client = self._client
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = client.session.msg("execute_request", content | {"stop_on_error": True})
        message["metadata"]["cellId"] = cell
        client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def send(self, code: str) -> str:
        """Start a cell and return its message id, for `wait`."""
        return str(self._client.execute(code, allow_stdin=False))

    def wait(self, sent: str, timeout: float = 30.0, *, fails: bool = False, code: str = "") -> Outputs:
        """What a cell that was sent has shown, once it has ended; as `run` otherwise."""
        items: list[Message] = []
        try:
            for message in self.messages(timeout):
                if message["parent_header"].get("msg_id") != sent:
                    continue
                kind, content = message["msg_type"], message["content"]
                if kind == "status" and content["execution_state"] == "idle":
                    break
                if kind == "clear_output":
                    items.clear()
                elif kind in ("stream", "execute_result", "display_data", "update_display_data", "error"):
                    items.append({"output_type": kind, **content})
            reply = self._reply(sent, timeout)
        except TimeoutError:
            self.interrupt()
            with suppress(TimeoutError):
                self._reply(sent, 5.0)
            said = f"it had shown {Outputs(items)}; the kernel's process said {self.log[-2000:]!r}"
            raise TimeoutError(f"The cell {code!r} did not end in {timeout} s; {said}") from None
        outputs = Outputs(items, reply["content"].get("execution_count"))
        if reply["content"]["status"] == "aborted":
            raise CellAborted(f"The cell {code!r} was not run, because an earlier one had failed")
        if outputs.error and not fails:
            raise CellFailed(code, outputs.error)
        if fails and not outputs.error:
            raise AssertionError(f"The cell {code!r} was expected to raise and did not; it showed {outputs}")
        return outputs

    def messages(self, timeout: float) -> Iterator[Message]:
        """Every message that the kernel broadcasts, whichever cell is its parent; then TimeoutError, or KernelDied."""
        end = time.monotonic() + timeout
        while True:
            with suppress(Empty):
                yield self._client.get_iopub_msg(timeout=self._slice(end))
                continue
            if not self.manager.is_alive():
                raise KernelDied(f"The kernel's process has ended. Its last words:\n{self.log[-2000:]}")
            if time.monotonic() >= end:
                raise TimeoutError(f"No such message within {timeout} s")

    @staticmethod
    def _slice(end: float) -> float:
        """The next wait [s]: short, so that the end of the process is noticed."""
        return min(0.5, max(0.0, end - time.monotonic()))

    def message(self, wanted: Callable[[Message], bool], timeout: float = 30.0) -> Message:
        """The next broadcast message that is wanted, say a thread's print after its cell has ended."""
        return next(message for message in self.messages(timeout) if wanted(message))

    def ask(self, kind: str, timeout: float = 30.0, **content: Any) -> Message:
        """Content of the reply to another request on the shell channel, say `complete_request`."""
        message = self._client.session.msg(kind, content)
        self._client.shell_channel.send(message)
        reply: Message = self._reply(message["header"]["msg_id"], timeout)["content"]
        return reply

    def _reply(self, sent: str, timeout: float) -> Message:
        end = time.monotonic() + timeout
        while True:
            try:
                reply: Message = self._client.get_shell_msg(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                raise TimeoutError(f"No reply within {timeout} s") from None
            if reply["parent_header"].get("msg_id") == sent:
                return reply

    @property
    def _client(self) -> BlockingKernelClient:
        if self.client is None:
            raise RuntimeError("The kernel is not running. Fix: start it, or use it in a with statement.")
        return self.client

    def interrupt(self) -> None:
        """Interrupt the running cell, as the stop button does.

        A signal that comes just before a long `time.sleep` begins is seen when that sleep ends: loop over short ones.
        """
        self.manager.interrupt_kernel()

    def restart(self, timeout: float = 30.0) -> None:
        """Restart as JupyterLab does: ask for the end, kill what has not ended after 5 s, start again."""
        self._disconnect()
        self.manager.restart_kernel(now=not self.manager.is_alive())
        self._connect(timeout)

    def kill(self) -> None:
        """End this one process with SIGKILL, as the kernel's out-of-memory killer does; `restart` starts it again."""
        os.kill(self.pid, signal.SIGKILL)
        self._process.wait(30)

    def shutdown(self) -> None:
        """Ask for the end and wait for it; what has not ended after 5 s is killed."""
        self._disconnect()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel()
        self.manager.cleanup_resources()
        self._stderr.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _disconnect(self) -> None:
        if self.client is not None:
            self.client.stop_channels()
            self.client = None

    def __enter__(self) -> Kernel:
        try:
            return self.start()
        except BaseException:
            self.shutdown()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None
    ) -> None:
        self.shutdown()


@contextmanager
def ended_within(seconds: float) -> Iterator[None]:
    """Fail when the block takes longer than it should [s]."""
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    assert took <= seconds, f"took {took:.2f} s, more than {seconds} s"
