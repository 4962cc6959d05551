"""What SIGTERM and SIGINT do to `workbench serve`, at whatever moment they come."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_SECONDS = 1.0


class End:
    """Waits for the first signal; a second one ends the process at once.

    While the file runs, a signal interrupts it. IPython swallows an interruption between two steps of a cell, and so do
    finalizers and bare `except:`: it is therefore repeated until the file has ended.

    Args:
        within_seconds: When a file that was interrupted and the workbench have still not ended, the signal does what it
            does to any process [s].
    """

    def __init__(self, within_seconds: float) -> None:
        self.asked = threading.Event()
        self._interrupts, self._left, self._number = False, within_seconds, 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

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
        if self.asked.is_set():
            raise KeyboardInterrupt

    def _hear(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        self.asked.set()
        self._number = number
        if self._interrupts:
            if hasattr(signal, "setitimer"):
                signal.signal(signal.SIGALRM, self._hear_again)
                signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS, AGAIN_SECONDS)
            raise KeyboardInterrupt

    def _hear_again(self, number: int, frame: FrameType | None) -> None:
        self._left -= AGAIN_SECONDS
        if self._left < 0:
            os.kill(os.getpid(), self._number)
        elif self._interrupts:
            raise KeyboardInterrupt
