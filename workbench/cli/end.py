"""What SIGTERM and SIGINT do to `workbench serve`, at whatever moment they come."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType

AGAIN_SECONDS = 1.0
ENDS = (signal.SIGTERM, signal.SIGINT)
# Go interrupts its own threads with it, for the same reasons: nobody else uses it, and unheard it does nothing.
AGAIN: int | None = getattr(signal, "SIGURG", None)


class End:
    """Waits for the first signal; a second one ends the process at once.

    While the file runs, a signal interrupts it. Python hears a signal that comes just as a long sleep begins only when
    that has ended; and IPython swallows an interruption between two steps of a cell, as finalizers and a bare `except:`
    do. A thread that the system tells of each signal therefore interrupts again and again until the file has ended.

    Args:
        within_seconds: When a file that was interrupted and the workbench have still not ended, the signal does what it
            does to any process [s].
    """

    def __init__(self, within_seconds: float) -> None:
        self._left, self._number = within_seconds, 0
        self._interrupts = self._interrupted = self._repeats = False
        # Unlike an Event's, its lock may be wanted by a handler in the midst of a wait of the same thread.
        self._asked: SimpleQueue[int] = SimpleQueue()
        self._comes, self._tells = socket.socketpair()
        self._tells.setblocking(False)
        signal.set_wakeup_fd(self._tells.fileno(), warn_on_full_buffer=False)
        for number in ENDS:
            signal.signal(number, self._hear)
        if AGAIN is not None:
            signal.signal(AGAIN, self._hear_again)
            threading.Thread(target=self._repeat, args=(AGAIN,), name="workbench-end", daemon=True).start()
            os.register_at_fork(after_in_child=_leave_alone)

    @property
    def is_asked(self) -> bool:
        """Whether the signal has come."""
        return bool(self._number)

    def wait(self, seconds: float) -> bool:
        """Wait for the signal; whether it has come [s]."""
        with suppress(Empty):
            self._asked.get(timeout=seconds)
        return self.is_asked

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Interrupt this block when the signal comes, or if it has come.

        Raises:
            KeyboardInterrupt: It came before the block had ended.
        """
        self._interrupts = True
        try:
            self._interrupt_if_asked()
            yield
        finally:
            self._interrupts = False
        self._interrupt_if_asked()

    def _interrupt_if_asked(self) -> None:
        if self.is_asked:
            raise KeyboardInterrupt

    def _hear(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        self._number = number
        self._asked.put(number)
        if self._interrupts:
            self._interrupted = True
            raise KeyboardInterrupt

    def _hear_again(self, number: int, frame: FrameType | None) -> None:
        if not self._repeats:
            return
        self._left -= AGAIN_SECONDS
        if self._left < 0:
            os.kill(os.getpid(), self._number)
        elif self._interrupts:
            raise KeyboardInterrupt

    def _repeat(self, again: int) -> None:
        """From the first signal on, wake the thread that hears them; a file that it has interrupted, again."""
        while self._comes.recv(1)[0] not in ENDS:
            pass
        main = threading.main_thread().ident
        assert main is not None
        while True:
            time.sleep(AGAIN_SECONDS)
            self._repeats = self._interrupted
            signal.pthread_kill(main, again)


def _leave_alone() -> None:
    """Have a forked child end as any process does, and not tell its parent of the signals that it gets."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
