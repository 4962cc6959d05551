"""Signals wake a loop that sleeps, so that a cell which awaits something is interrupted at once."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import suppress


def wake_on_signals(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Have every signal of this process wake a loop; on the main thread. Gives what ends that.

    Python runs a signal's handler and then sleeps on, for as long as nothing else comes; what the handler has asked of
    the loop, as ipykernel's to cancel a cell, waits until then. A file that a signal is written to, which asyncio has
    only for handlers of its own, wakes it; one that is there already stays. Source: PEP 475; signal.set_wakeup_fd.
    """
    if (former := signal.set_wakeup_fd(-1)) != -1:
        signal.set_wakeup_fd(former)
        return lambda: None
    heard, tells = socket.socketpair()
    for each in (heard, tells):
        each.setblocking(False)

    def drain() -> None:
        with suppress(BlockingIOError):
            heard.recv(4096)

    def end() -> None:
        if (now := signal.set_wakeup_fd(-1)) != tells.fileno():
            signal.set_wakeup_fd(now)
        loop.remove_reader(heard)
        heard.close()
        tells.close()

    loop.add_reader(heard, drain)
    signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
    return end
