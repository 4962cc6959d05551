"""nginx with limit_req in front of a constant answer: the ceiling for a limited hello."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

from tests.bench.servers.orders import GREETING

PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONF = """
error_log stderr crit; pid {folder}/nginx.pid; daemon off; master_process off;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; keepalive_requests 100000000; default_type text/plain;
  limit_req_zone $binary_remote_addr zone=calls:1m rate=1000000r/s;
  server {{ listen 127.0.0.1:{port}; location / {{ limit_req zone=calls burst=100000 nodelay; try_files /hello =404; }}
           root {folder}/www; }}
}}
"""


def serve() -> None:
    """Become nginx."""
    folder = Path(tempfile.mkdtemp(prefix="bench-nginx-"))
    (folder / "www").mkdir()
    (folder / "www" / "hello").write_text(GREETING)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(CONF.format(folder=folder, port=port))
    assert PROGRAM is not None
    print(port, flush=True)
    os.execv(PROGRAM, [PROGRAM, "-c", str(folder / "nginx.conf"), "-p", str(folder)])


if __name__ == "__main__":
    serve()
