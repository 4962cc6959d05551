"""What three levels of limits cost a hello, and nginx limit_req as the ceiling, where nginx is installed."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.client import CLIENT, Request
from tests.bench.figures import Row
from tests.bench.hello import SIGNED
from tests.bench.processes import Asked, measure, served
from tests.bench.servers import nginx


def rows() -> Iterator[Row]:
    """Limited beside free, and nginx beside both."""
    name, note = "hello, three levels of limits: CPU a call", f"asked by {CLIENT}"
    ceiling = "nginx limit_req"
    with served("levels", *(["nginx"] if nginx.PROGRAM else [])) as (us, *peers):
        asked = {each: Asked(us, Request(f"/{each}", headers=SIGNED)) for each in ("free", "limited")}
        if peers:
            asked[ceiling] = Asked(peers[0], Request("/hello"))
        found = measure(asked)
    limited = found["limited"].cpu_us
    yield Row(name, "us", limited, found["free"].cpu_us, "hello without", 0.85, note=note)
    if ceiling in found:
        yield Row(name, "us", limited, found[ceiling].cpu_us, ceiling, note=note)
    else:
        yield Row(f"{name}, beside {ceiling}", skipped="nginx is not installed: apt install nginx")
