"""Behind nginx and HAProxy nobody can slip a request in: they and we never differ on where one ends.

Both keep one connection to us for all their clients. After each case of the corpus others ask by it: whatever we had
taken for the next request would be answered to them.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.channels.wire.corpus import CASES, HELD
from tests.programs import found
from tests.serving import Wire, port_of, until
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.service import Service

NGINX = """
error_log stderr crit; pid {folder}/nginx.pid; daemon off; master_process off;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream us {{ server 127.0.0.1:{to}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://us; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
      proxy_set_header Host localhost; proxy_set_header Connection "";
    }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 10s
  timeout client 20s
  timeout server 20s
  http-reuse always
frontend all
  bind 127.0.0.1:{port}
  default_backend us
backend us
  http-request set-header Host localhost
  server us 127.0.0.1:{to} pool-max-conn 1
"""


class Echo(Service):
    name = "echo"

    def handle(self) -> bytes:
        return bytes(self.request.raw_request or b"")


class Canary(Service):
    """Says what it was asked."""

    name = "canary"

    async def handle(self) -> str:
        return ",".join(self.request.http.GET)


@pytest.fixture(scope="module")
def us(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    with pytest.MonkeyPatch.context() as patch, Workbench(port=0, folder=tmp_path_factory.mktemp("wb")) as made:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        made.deploy(Echo, Canary)
        made.define(RESTChannel("echo", data_format="raw", method="POST"), RESTChannel("canary", method="GET"))
        made.start()
        yield made


def nginx(folder: Path, port: int, to: int) -> list[str]:
    """Its command."""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, to=to))
    return [found("nginx", "nginx-light"), "-c", str(folder / "nginx.conf"), "-p", str(folder)]


def haproxy(folder: Path, port: int, to: int) -> list[str]:
    """Its command."""
    (folder / "haproxy.cfg").write_text(HAPROXY.format(port=port, to=to))
    return [found("haproxy", "haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]


@pytest.fixture(scope="module", params=[nginx, haproxy], ids=["nginx", "haproxy"])
def front(request: pytest.FixtureRequest, us: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a proxy before us."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command: Callable[[Path, int, int], list[str]] = request.param
    process = subprocess.Popen(command(tmp_path_factory.mktemp("proxy"), port, port_of(us)), stderr=subprocess.DEVNULL)

    def is_up() -> bool:
        with suppress(OSError), Wire(port, seconds=5) as wire:
            return wire.send(asked(0)).answer().status == 200
        return False

    try:
        until(is_up, "the proxy answers")
        yield port
    finally:
        process.kill()
        process.wait(10)


def asked(number: int) -> bytes:
    """What another client asks."""
    return b"GET /canary?%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number


def test_no_case_of_the_corpus_reaches_into_what_another_client_is_answered(front: int) -> None:
    for number, case in enumerate(CASES):
        with Wire(front, seconds=10) as attacker, suppress(OSError):
            attacker.send(case.sent if case.sent.endswith(HELD) else case.sent + HELD)
            attacker.socket.shutdown(socket.SHUT_WR)
            while attacker.more():
                pass
        with Wire(front, seconds=10) as other:
            answers = [other.send(asked(number)).answer() for _ in range(2)]
        assert [(each.status, each.body) for each in answers] == [(200, b"%d" % number)] * 2, case.name
