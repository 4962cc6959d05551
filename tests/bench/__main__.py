"""`python -m tests.bench [name ...]`: every module here that offers `rows()`, or those named, as one table."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
import time
import traceback

import tests.bench
from tests.bench.client import CLIENT
from tests.bench.figures import Grid, Row, summary, table


def modules() -> dict[str, object]:
    """The benches by name."""
    names = sorted(each.name for each in pkgutil.iter_modules(tests.bench.__path__) if each.name != "__main__")
    found = {name: importlib.import_module(f"tests.bench.{name}") for name in names}
    return {name: module for name, module in found.items() if hasattr(module, "rows")}


def main() -> int:
    """Run and print; 1 if a wanted figure was not reached or a bench failed."""
    benches = modules()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(benches)}; all if none is given")
    names = parser.parse_args().names or [
        name for name, module in benches.items() if not getattr(module, "ONLY_BY_NAME", False)
    ]
    if unknown := [name for name in names if name not in benches]:
        parser.error(f"there is no bench {', '.join(unknown)}; there are: {', '.join(benches)}")
    told: list[Row | Grid] = []
    failed, load = [], _load()
    for name in names:
        began = time.monotonic()
        print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
        try:
            told += benches[name].rows()  # type: ignore[attr-defined]
        except Exception:
            failed.append(name)
            traceback.print_exc()
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    found = [each for each in told if isinstance(each, Row)]
    print(table(found))
    for grid in (each for each in told if isinstance(each, Grid)):
        print(f"\n{grid}")
    print(f"\n{summary(found)}")
    print(
        f"\nPython {sys.version.split()[0]}, {os.cpu_count()} cores, load {load:.1f} before, {_load():.1f} at the end. "
        f"Servers are asked by {CLIENT}."
    )
    if load > (os.cpu_count() or 1) / 2:
        print("Others were at work on this machine: believe ratios and CPU times, not waits and calls a second.")
    if failed:
        print(f"Failed: {', '.join(failed)}.")
    return 1 if failed or any(row.verdict == "NO" for row in found) else 0


def _load() -> float:
    """Processes that wanted a core in the last minute, on average."""
    return os.getloadavg()[0]


if __name__ == "__main__":
    sys.exit(main())
