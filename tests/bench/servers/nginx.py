"""nginx with limit_req in front of a constant answer: the ceiling for a limited hello."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests.bench.servers.orders import GREETING
from tests.bench.servers.ports import free_port

PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
# What `return` answers is never limited, since nginx rewrites before it limits: so `try_files`, which comes after,
# leads to it.
CONF = """
error_log stderr crit; pid {folder}/nginx.pid; daemon off; master_process off;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; keepalive_requests 100000000; default_type text/plain;
  limit_req_zone $binary_remote_addr zone=calls:1m rate={rate};
  server {{ listen 127.0.0.1:{port}; root {folder};
    location / {{ limit_req zone=calls burst={burst} nodelay; try_files /none @hello; }}
    location @hello {{ return 200 "{greeting}"; }} }}
}}
"""


def conf(folder: Path, port: int, rate: str = "1000000r/s", burst: int = 100_000) -> str:
    """Its configuration, with all its files in a folder of its own."""
    return CONF.format(folder=folder, port=port, rate=rate, burst=burst, greeting=GREETING)


def serve() -> None:
    """Become nginx."""
    folder, port = Path(tempfile.mkdtemp(prefix="bench-nginx-")), free_port()
    (folder / "nginx.conf").write_text(conf(folder, port))
    assert PROGRAM is not None
    print(port, flush=True)
    os.execv(PROGRAM, [PROGRAM, "-c", str(folder / "nginx.conf"), "-p", str(folder)])


if __name__ == "__main__":
    serve()
