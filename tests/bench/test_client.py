"""What keeps servers busy tells what came of it."""

from __future__ import annotations

import pytest

from tests.bench.client import Loaded, Refused, Request, _own, load, told_by_wrk
from tests.bench.processes import served

TOLD = """Running 1s test @ http://127.0.0.1:1/hello
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.05ms  502.00us  12.01ms   78.21%
    Req/Sec    15.20k     1.10k   17.01k    70.00%
  Latency Distribution
     50%  940.00us
     75%    1.21ms
     90%    1.60ms
     99%    1.02s
  15230 requests in 1.01s, 2.10MB read
"""


def test_figures_of_wrk_are_read_in_their_units() -> None:
    assert told_by_wrk(TOLD) == Loaded(15_230, 1.01, pytest.approx(0.94), pytest.approx(1_020))


def test_wrk_without_figures_is_refused() -> None:
    with pytest.raises(Refused, match="tells no figures"):
        told_by_wrk("unable to connect to 127.0.0.1:1 Connection refused")


@pytest.mark.parametrize("way", [load, _own])
def test_a_load_counts_calls_waits_and_refuses_errors(way: object) -> None:
    with served("tornado_handler") as (server,):
        found = way(server.port, Request("/hello"), 1, 4)
        assert found.calls > 4
        assert 0 < found.p50_ms <= found.p99_ms
        assert found.seconds >= 1
        with pytest.raises(Refused, match="/nothing"):
            way(server.port, Request("/nothing"), 1, 4)
    with pytest.raises(Refused, match="/hello"):
        way(server.port, Request("/hello"), 1, 4)  # nobody is there any more
    assert way is not load or found.client_seconds > 0
