"""FTP beside bare ftplib on the same file, and memory while a GiB is transferred."""

from __future__ import annotations

import ftplib
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.figures import Row
from tests.bench.moving import peers
from workbench import FTPConnection, Workbench

ROUNDS, SIZE_BYTES = 9, 64 << 20
MOVED_BYTES = int(os.environ.get("WORKBENCH_BENCH_BYTES") or 1 << 30)
ROOT = Path(__file__).parents[2]


def rows() -> Iterator[Row]:
    """Get and put of 64 MiB, many small files, and the memory of a transfer."""
    yield from _beside_ftplib()
    yield from _memory()


Samples = list[tuple[float, float]]


def _beside_ftplib() -> Iterator[Row]:
    contents = os.urandom(1 << 20) * (SIZE_BYTES >> 20)
    gets: tuple[Samples, Samples] = ([], [])
    puts: tuple[Samples, Samples] = ([], [])
    # In a process of its own, or client and server would share one interpreter's lock.
    with peers("ftp", "ftp", 0) as told, Workbench(port=0) as wb, ftplib.FTP() as bare:
        (host, port), root = told["address"], Path(told["root"])
        wb.define(FTPConnection("Files", host=host, port=port))
        conn: Any = wb.connections["Files"].conn
        bare.connect(host, port)
        bare.login()
        (root / "big.bin").write_bytes(contents)
        assert conn.read("big.bin") == _bare_get(bare, "big.bin") == contents
        for _ in range(ROUNDS):
            gets[0].append(_measured(lambda: conn.read("big.bin")))
            gets[1].append(_measured(lambda: _bare_get(bare, "big.bin")))
            puts[0].append(_measured(lambda: conn.write("ours.bin", contents, overwrite=True)))
            puts[1].append(_measured(lambda: bare.storbinary("STOR bare.bin", io.BytesIO(contents), 1 << 18)))
        assert (root / "ours.bin").read_bytes() == contents
    for what, (ours, theirs) in (("get", gets), ("put", puts)):
        paces = [[each[0] for each in samples] for samples in (ours, theirs)]
        costs = [[each[1] for each in samples] for samples in (ours, theirs)]
        yield Row(f"FTP {what} of 64 MiB", "MiB/s", *paces, "ftplib", 0.9, more_is_better=True, only_if_steady=True)
        yield Row(f"FTP {what} of 64 MiB: CPU", "ms", *costs, "ftplib", 0.9, only_if_steady=True)


def _bare_get(bare: ftplib.FTP, path: str) -> bytes:
    blocks: list[bytes] = []
    bare.retrbinary(f"RETR {path}", blocks.append, 1 << 18)
    return b"".join(blocks)


def _measured(work: Callable[[], object]) -> tuple[float, float]:
    """How fast [MiB/s], and at what cost in this process [ms]."""
    began, spent = time.perf_counter(), time.process_time()
    work()
    return SIZE_BYTES / (1 << 20) / (time.perf_counter() - began), (time.process_time() - spent) * 1e3


def _memory() -> Iterator[Row]:
    grown, rates = [], []
    for kind in ("ftp", "dropbox"):
        growth, seconds = transferred(kind, MOVED_BYTES)
        grown.append((kind, growth))
        rates.append((kind, MOVED_BYTES / (1 << 20) / seconds))
    for kind, growth in grown:
        yield Row(f"transfer FTP to {kind}, {MOVED_BYTES >> 20} MiB: memory", "MiB", [growth], wanted=64)
    for kind, rate in rates:
        yield Row(f"transfer FTP to {kind}: pace", "MiB/s", [rate], wanted=1, more_is_better=True)


def transferred(kind: str, size: int) -> tuple[float, float]:
    """How much a process grows [MiB] that transfers a file of so many bytes to that kind of peer, and how long [s]."""
    command = [sys.executable, "-m", "tests.bench.moving", "ftp", kind, str(size)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stderr
    growth, seconds = map(float, run.stdout.split())
    return growth, seconds
