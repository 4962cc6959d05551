"""Whatever comes: each answer has a status line, none is 500, and the connection ends; `make soak` tries a million."""

from __future__ import annotations

import os
import random
import socket
from contextlib import suppress

import pytest

from tests.channels.wire.corpus import CASES
from tests.channels.wire.test_strict import port as port
from tests.channels.wire.test_strict import statuses
from tests.serving import Wire

COUNT = 1_000_000 if os.environ.get("WORKBENCH_SOAK") else 1_500
SEED = 18
PIECES = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b",", b";", b"\x00", b"\xff", b"0", b"9" * 20, b"-1"),
    *(b"HTTP/1.1", b"HTTP/1.0", b"Host: localhost\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(
        b"Expect: 100-continue\r\n",
        b"Connection: close\r\n",
        b"Upgrade: websocket\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
    ),
    *(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"a" * 9_000, b"X: y\r\n" * 3_000),
)


def damaged(chance: random.Random) -> bytes:
    """A case of the corpus with some of it taken out, put in, doubled or changed; or two of them; or any bytes."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(200))
    sent = b"".join(chance.choice(CASES).sent for _ in range(chance.randint(1, 2)))
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(sent) + 1)
        end = min(len(sent), at + chance.randrange(12))
        put = (b"", chance.choice(PIECES), sent[at:end] * 2, bytes([chance.randrange(256)]))
        sent = sent[:at] + chance.choice(put) + sent[end:]
    return sent


@pytest.mark.timeout(3600 if COUNT > 10_000 else 300)
def test_no_bytes_bring_the_wire_out_of_step(port: int) -> None:
    chance = random.Random(SEED)
    for number in range(COUNT):
        sent, came = damaged(chance), b""
        with Wire(port, seconds=20) as wire:
            with suppress(ConnectionError):
                wire.send(sent)
                wire.socket.shutdown(socket.SHUT_WR)
            try:
                while more := wire.more():
                    came += more
            except TimeoutError:
                pytest.fail(f"no end of case {number} of seed {SEED}: {sent!r} {came!r}")
        found = statuses(came)
        assert 500 not in found, f"case {number} of seed {SEED}: {sent!r}"
