"""Servers that are compared answer the same, and refuse the same callers. Those of the extra `bench` where it is."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
import requests

from tests.bench.hello import AS_BROWSERS, ORDER, PEERS, PLAIN
from tests.bench.processes import Served, served
from tests.bench.servers import nginx
from tests.bench.servers.orders import GREETING
from tests.bench.servers.ports import free_port, wait_until_it_listens

HAS_EXTRA = all(find_spec(each) for each in ("fastapi", "slowapi", "uvicorn", "uvloop"))
OF_EXTRA = {"asgi_uvicorn", "asgi_granian", "fastapi_slowapi"}
PROGRAMS = [each.program for each in PEERS.values() if not each.missing and (HAS_EXTRA or each.program not in OF_EXTRA)]
GUARDED = [each for each in ("ours", "fastapi_slowapi") if each == "ours" or HAS_EXTRA]


def ask(server: Served, path: str, **how: object) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request("POST" if "data" in how else "GET", f"http://127.0.0.1:{server.port}/{path}", **how)


@pytest.mark.parametrize("program", [each for each in PROGRAMS if each not in GUARDED])
def test_each_server_says_the_same_hello(program: str) -> None:
    with served(program) as (server,):
        says_hello(server, "hello")
        assert server.cpu_seconds() > 0


def says_hello(server: Served, path: str) -> None:
    for headers in (PLAIN, AS_BROWSERS):
        answer = ask(server, path, headers=headers, timeout=10)
        assert (answer.status_code, answer.text) == (200, GREETING)


@pytest.mark.parametrize("program", GUARDED)
def test_who_guards_and_reckons_does_so_in_both_colours(program: str) -> None:
    typed = PLAIN | {"Content-Type": "application/json"}
    totals = []
    with served(program) as (server,):
        for colour in ("", "-async"):
            says_hello(server, f"hello{colour}")
            assert ask(server, f"hello{colour}", auth=("alice", "guessed"), timeout=10).status_code == 401
            assert ask(server, f"hello{colour}", timeout=10).status_code == 401
            totals.append(ask(server, f"total{colour}", data=ORDER, headers=typed, timeout=10).json())
    assert totals == [{"id": 70_000, "total": pytest.approx(3_154.35)}] * 2


@pytest.mark.parametrize("program", [each for each in PROGRAMS if each == "nginx"])
def test_what_nginx_answers_is_limited(program: str, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "nginx.conf").write_text(nginx.conf(tmp_path, port, "1r/m", 1))
    command = [str(nginx.PROGRAM), "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)]
    process = subprocess.Popen(command, env=os.environ)
    try:
        wait_until_it_listens(port)
        with requests.Session() as session:
            session.trust_env = False
            found = [session.get(f"http://127.0.0.1:{port}/hello", timeout=10).status_code for _ in range(3)]
    finally:
        process.terminate()
        process.wait(10)
    assert found == [200, 200, 503]
