"""One kernel for one notebook: a process of its own, with a hard clock, named when it hangs or dies."""

from __future__ import annotations

import ast
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, NamedTuple

import msgspec
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

START_SECONDS = 60.0
"""Longest wait for a kernel that starts [s]; it is started twice before it is given up."""

LAST_WORDS_SECONDS = 3.0
"""How long a cell that was interrupted has to say where it stood, before its kernel is killed [s]."""

MOST_SHOWN_BYTES = 64 << 20
"""What one cell may show [bytes]; more ends it, so that what prints without end fails instead of filling memory."""

_SHOWN = ("stream", "execute_result", "display_data", "error")
Output = dict[str, Any]


class KernelTrouble(Exception):
    """A cell did not end as cells do: its kernel hung or died, or it showed too much. The kernel is gone."""

    def __init__(self, what: str, ran: Ran | None = None) -> None:
        self.ran = ran or Ran([])
        super().__init__(what)


class Ran(NamedTuple):
    """What one cell showed, in order, as notebook outputs."""

    outputs: list[Output]

    @property
    def error(self) -> Output | None:
        """`ename`, `evalue` and `traceback` of what ended it."""
        return next((each for each in self.outputs if each["output_type"] == "error"), None)


class Kernel:
    """A kernel process of this Python, and a client that runs one cell at a time.

    Args:
        folder: Where it runs.
        home: A folder for what it writes about itself.
        env: Its environment.
        extensions: IPython extensions that it loads at its start.
    """

    def __init__(self, folder: Path, home: Path, env: Mapping[str, str], extensions: tuple[str, ...] = ()) -> None:
        self._folder, self._home, self._env = folder, home, dict(env)
        self._arguments = [f"--ext={each}" for each in extensions]
        self._manager: KernelManager | None = None
        self._client: BlockingKernelClient | None = None

    def start(self) -> None:
        """Start the process and wait until it answers; a start that fails is tried once more, a cell never is.

        Raises:
            KernelTrouble: It does not answer.
        """
        try:
            self._begin()
        except RuntimeError:
            self.close()
            try:
                self._begin()
            except RuntimeError as exc:
                raise self._gone(f"the kernel did not start within {START_SECONDS:g} s") from exc

    def _begin(self) -> None:
        # Files of its own instead of TCP ports, which somebody else may take between their choice and their use.
        where: dict[str, Any] = {"connection_file": str(self._home / "kernel.json")}
        if os.name == "posix":
            where |= {"transport": "ipc", "ip": str(self._home / "k")}
        manager = self._manager = KernelManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[]), **where)
        with (self._home / "stderr").open("wb") as stderr:
            manager.start_kernel(
                extra_arguments=self._arguments,
                cwd=str(self._folder),
                env=self._env,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        client = self._client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=START_SECONDS)

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._manager is not None and self._manager.is_alive()

    def run(self, code: str, seconds: float, cell_id: str = "") -> Ran:
        """Run one cell to its end.

        Raises:
            KernelTrouble: It did not end within `seconds` [s], or its kernel died; the kernel is killed.
        """
        client = self._running()
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = client.session.msg("execute_request", content | {"stop_on_error": False})
        message["metadata"]["cellId"] = cell_id
        client.shell_channel.send(message)
        return self._outputs(message["header"]["msg_id"], seconds)

    def ask(self, expression: str, seconds: float = 10.0) -> Any:
        """The value of a Python expression, asked beside the cells; it must be one that JSON has.

        Raises:
            KernelTrouble: No answer came within `seconds` [s]; the kernel is killed.
        """
        client = self._running()
        asked = f"__import__('json').dumps({expression})"
        sent = client.execute("", silent=True, allow_stdin=False, user_expressions={"answer": asked})
        end = time.monotonic() + seconds
        try:
            for _ in self._until_idle(sent, end):
                pass
            answer = self._reply(sent, end)["content"]["user_expressions"]["answer"]
        except _Late:
            raise self._gone(f"its kernel gave no answer within {seconds:g} s, so it was killed") from None
        if answer["status"] != "ok":
            raise self._gone(f"the kernel has no answer: {answer['ename']}: {answer['evalue']}")
        return msgspec.json.decode(_literal(answer["data"]["text/plain"]))

    def _running(self) -> BlockingKernelClient:
        if self._client is None:
            raise KernelTrouble("the kernel is gone")
        return self._client

    def _outputs(self, sent: str, seconds: float) -> Ran:
        shown, end, size = _Shown(), time.monotonic() + seconds, 0
        try:
            for message in self._until_idle(sent, end):
                size += sum(map(len, message.get("buffers", ()))) + len(str(message["content"]))
                shown.take(message)
                if size > MOST_SHOWN_BYTES:
                    what = f"it showed more than {MOST_SHOWN_BYTES >> 20} MiB, so its kernel was killed. "
                    raise self._gone(what + "Fix: show less, or write it to a file")
            self._reply(sent, end)
        except _Late:
            self._interrupted(sent, shown)
            what = f"it did not end within {seconds:g} s, so its kernel was killed. "
            fix = "Fix: have it end, or give it longer by --cell-timeout or --notebook-timeout"
            raise self._gone(what + fix, Ran(shown.outputs)) from None
        except KernelTrouble as exc:
            exc.ran = Ran(shown.outputs)
            raise
        return Ran(shown.outputs)

    def _interrupted(self, sent: str, shown: _Shown) -> None:
        """Interrupt a cell that takes too long: its traceback says where it stands."""
        assert self._manager is not None
        with suppress(_Late, KernelTrouble, RuntimeError):
            self._manager.interrupt_kernel()
            for message in self._until_idle(sent, time.monotonic() + LAST_WORDS_SECONDS):
                shown.take(message)

    def _until_idle(self, sent: str, end: float) -> Iterator[dict[str, Any]]:
        """What the kernel broadcasts for one request, until it is done with it."""
        while True:
            message = self._next("iopub", end)
            if message["parent_header"].get("msg_id") != sent:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return
            yield message

    def _reply(self, sent: str, end: float) -> dict[str, Any]:
        while True:
            message = self._next("shell", end)
            if message["parent_header"].get("msg_id") == sent:
                return message

    def _next(self, channel: str, end: float) -> dict[str, Any]:
        client = self._running()
        get = client.get_iopub_msg if channel == "iopub" else client.get_shell_msg
        while True:
            left = end - time.monotonic()
            # In slices, so that the end of the process is noticed.
            with suppress(Empty):
                message: dict[str, Any] = get(timeout=max(0.0, min(0.5, left)))
                return message
            if not self.runs:
                raise self._gone(f"its kernel died{self._exit_code()}")
            if left <= 0:
                raise _Late

    def _gone(self, what: str, ran: Ran | None = None) -> KernelTrouble:
        """The trouble, with the last words of the process; the kernel is killed."""
        self.close()
        return KernelTrouble(f"{what}{self._last_words()}", ran)

    def _exit_code(self) -> str:
        """How the process ended, where that is known."""
        provisioner: Any = self._manager.provisioner if self._manager is not None else None
        code = getattr(getattr(provisioner, "process", None), "returncode", None)
        return f" (exit code {code})" if code is not None else ""

    def _last_words(self) -> str:
        with suppress(OSError):
            if said := (self._home / "stderr").read_bytes()[-2000:].decode("utf-8", "replace").strip():
                return f". Its process said:\n{said}"
        return ""

    def close(self) -> None:
        """End the process, by force; what it holds is a test's alone."""
        client, manager, self._client, self._manager = self._client, self._manager, None, None
        if client is not None:
            client.stop_channels()
        if manager is not None:
            with suppress(Exception):
                manager.shutdown_kernel(now=True)
            manager.cleanup_resources()
            manager.context.destroy(linger=0)


class _Late(Exception):
    """The time for a cell is over."""


class _Shown:
    """What a cell has shown so far, as a front end keeps it."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self._updates: dict[str, list[Output]] = {}
        self._is_to_clear = False

    def take(self, message: dict[str, Any]) -> None:
        """Take one broadcast message."""
        kind, content = message["msg_type"], message["content"]
        if kind == "clear_output":
            self._is_to_clear = True
            if not content.get("wait"):
                self._clear()
        elif kind == "update_display_data":
            for shown in self._updates.get(content["transient"].get("display_id", ""), ()):
                shown["data"] = content["data"]
        elif kind in _SHOWN:
            self._clear()
            output = {"output_type": kind, **content}
            self.outputs.append(output)
            if name := content.get("transient", {}).get("display_id"):
                self._updates.setdefault(name, []).append(output)

    def _clear(self) -> None:
        """Clear what is shown, if that is due: `clear_output(wait=True)` waits for what takes its place."""
        if self._is_to_clear:
            self.outputs.clear()
            self._is_to_clear = False


def _literal(text: str) -> str:
    """The string that a kernel shows as its repr."""
    return str(ast.literal_eval(text))
