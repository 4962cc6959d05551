"""A stream reads lines by the block, and goes on after an interruption in the middle of one."""

from __future__ import annotations

from workbench.connections.common.errors import Interrupted
from workbench.connections.common.trying import Due
from workbench.connections.files.streams import Download

LINES = [b"%d %s\n" % (number, b"x" * (number % 97)) for number in range(20_000)]
CONTENTS = b"".join(LINES)


class Counted:
    """A source that counts how often it is read, and hangs up once at an offset."""

    size, stamp = len(CONTENTS), "v1"
    reads = 0
    hangs_up_at: int | None = None

    def __init__(self, offset: int) -> None:
        self._at = offset

    def readinto(self, buffer: memoryview) -> int:
        Counted.reads += 1
        if Counted.hangs_up_at is not None and self._at >= Counted.hangs_up_at:
            Counted.hangs_up_at = None
            raise Interrupted("It hung up.")
        block = CONTENTS[self._at : self._at + len(buffer)]
        buffer[: len(block)] = block
        self._at += len(block)
        return len(block)

    def close(self) -> None:
        """Nothing."""


def stream(offset: int = 0) -> Download:
    return Download("Files 'F'", "a.txt", Counted, Due(), retries=1, offset=offset)


def test_lines_are_read_by_the_block() -> None:
    Counted.reads = 0
    assert [*stream()] == LINES
    # A block is 256 KiB; reading byte by byte takes as many reads as bytes.
    assert Counted.reads <= len(CONTENTS) / (1 << 18) + 3


def test_lines_and_bytes_can_be_read_in_turn() -> None:
    reading = stream()
    assert (reading.readline(), reading.tell()) == (LINES[0], len(LINES[0]))
    assert reading.read(3) == LINES[1][:3]
    assert reading.readline() == LINES[1][3:]
    assert (reading.tell(), reading.readall()) == (len(LINES[0] + LINES[1]), CONTENTS[len(LINES[0] + LINES[1]) :])


def test_lines_go_on_after_an_interruption() -> None:
    Counted.hangs_up_at = 300_000
    reading = stream(offset=len(LINES[0]))
    assert [*reading] == LINES[1:]
    assert Counted.hangs_up_at is None
