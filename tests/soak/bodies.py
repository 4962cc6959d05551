"""Sends big bodies to a server of its own, good ones and ones that cannot be read, and says what memory it kept."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

WANTED_BYTES = 150 * 1024 * 1024
SETTLED_SECONDS = 15.0


def resident_bytes() -> int:
    """What this process holds of the machine's memory now [bytes]."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(bad: int, good: int, rounds: int, size: int) -> None:
    """Send so many of each at once, so often, each of `size` [bytes]; print what each round left [bytes]."""
    from workbench import RESTChannel, Service, Workbench

    class Takes(Service):
        name = "takes"

        def handle(self) -> Any:
            return {"length": len(self.request.payload["text"])}

    head, tail = b'{"text": "', b'"}'
    whole = head + b"x" * (size - len(head) - len(tail)) + tail
    with TemporaryDirectory() as folder, Workbench(port=0, folder=folder) as wb:
        wb.deploy(Takes)
        wb.define(RESTChannel("takes"))
        port = int(wb.start().rsplit(":", 1)[1])

        def send(body: memoryview, wanted: bytes) -> None:
            with socket.create_connection(("127.0.0.1", port), 120) as sent:
                lines = (f"POST /takes HTTP/1.1\r\nHost: localhost:{port}\r\n", f"Content-Length: {size}\r\n\r\n")
                sent.sendall("".join(lines).encode())
                sent.sendall(body)
                assert sent.recv(65536).startswith(b"HTTP/1.1 " + wanted)

        def all_at_once(bad: int, good: int) -> None:
            view, broken = memoryview(whole), memoryview(b"no" + whole[2:])
            kinds = [(view, b"200")] * good + [(broken, b"400")] * bad
            threads = [threading.Thread(target=send, args=each) for each in kinds]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            del broken

        all_at_once(1, 1)
        before, kept = resident_bytes(), []
        for _ in range(rounds):
            all_at_once(bad, good)
            deadline = time.monotonic() + SETTLED_SECONDS
            while (now := resident_bytes() - before) > WANTED_BYTES and time.monotonic() < deadline:
                threading.Event().wait(0.05)
            kept.append(now)
        print(json.dumps(kept))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
