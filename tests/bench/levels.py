"""What three levels of limits cost a hello, and nginx limit_req as the ceiling."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.client import Request
from tests.bench.figures import Row
from tests.bench.hello import SIGNED
from tests.bench.processes import measure, served


def rows() -> Iterator[Row]:
    """Limited beside free, and nginx beside both."""
    with served("levels", "nginx") as (us, nginx):
        found = measure(
            {
                "free": (us, Request("/free", headers=SIGNED)),
                "limited": (us, Request("/limited", headers=SIGNED)),
                "nginx": (nginx, Request("/hello")),
            }
        )
    limited, free, ceiling = found["limited"], found["free"], found["nginx"]
    yield Row("hello, three levels of limits: CPU a call", "us", limited.cpu_us, free.cpu_us, "hello without", 0.85)
    yield Row(
        "hello, three levels of limits: CPU a call", "us", limited.cpu_us, ceiling.cpu_us, "nginx limit_req", None
    )
