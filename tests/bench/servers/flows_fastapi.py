"""A peer: the same flows in FastAPI with slowapi and the bare clients, written with care.

Endpoints are `def`, so that FastAPI runs them in its threads. Each client is made once and shared, or one a thread
where it is not safe for several; connections are kept, and tried again as often as ours are. The clients are as they
come: requests looks for proxies in the environment at every call.
"""

from __future__ import annotations

import json
import smtplib
import socket
import sys
import threading
from email.message import EmailMessage
from typing import Annotated

import dropbox
import redis
import requests
import uvicorn
from dropbox.files import WriteMode
from fastapi import Depends, Request, Response
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from tests.bench.dropbox import ToPeer
from tests.bench.servers.computing import compute_when_told
from tests.bench.servers.fastapi_slowapi import app, limiter, user
from tests.bench.servers.orders import CC, LIMIT_PER_MINUTE, RECIPIENT, SENDER, Places

THREADS = 40
LIMIT = limiter.limit(f"{LIMIT_PER_MINUTE}/minute")


class Clients:
    """Who is called, and how: as many connections of each as FastAPI has threads."""

    def __init__(self, places: Places) -> None:
        self.source, self._mail_at = f"{places['source']}/rates", (places["smtp_host"], places["smtp_port"])
        self.session = requests.Session()
        retried = Retry(total=3, backoff_factor=0.1, status_forcelist=(502, 503, 504))
        self.session.mount("http://", HTTPAdapter(pool_maxsize=THREADS, max_retries=retried))
        self.redis = redis.Redis.from_url(places["redis"], decode_responses=True)
        session = dropbox.create_session(max_connections=THREADS)
        session.mount("https://", ToPeer(places["dropbox"], pool_maxsize=THREADS))
        self.dropbox = dropbox.Dropbox(
            places["token"],
            session=session,
            user_agent="bench/1.0",
            max_retries_on_error=5,
            max_retries_on_rate_limit=5,
        )
        self._of_thread = threading.local()

    def send(self, message: EmailMessage) -> None:
        """Send a mail over the thread's connection, or over a new one if that has ended."""
        kept = getattr(self._of_thread, "smtp", None)
        if kept is not None:
            try:
                kept.send_message(message)
                return
            except smtplib.SMTPServerDisconnected:
                kept.close()
        self._of_thread.smtp = smtplib.SMTP(*self._mail_at, timeout=10)
        self._of_thread.smtp.send_message(message)


async def body(request: Request) -> bytes:
    """All of it."""
    return await request.body()


@app.post("/upload")
@LIMIT
def upload(
    request: Request, file_name: str, data: Annotated[bytes, Depends(body)], user: Annotated[str, Depends(user)]
) -> Response:
    clients.dropbox.files_upload(data, "/" + file_name, mode=WriteMode.overwrite)
    return Response()


@app.post("/sync")
@LIMIT
def sync(request: Request, user: Annotated[str, Depends(user)]) -> Response:
    answer = clients.session.get(clients.source, timeout=10)
    answer.raise_for_status()
    data = answer.text
    message = EmailMessage()
    message["From"], message["To"], message["Cc"], message["Subject"] = SENDER, RECIPIENT, CC, "New data"
    message.set_content("Check attached data")
    # As bytes, which go as they are: of a text, the line ends are changed on the way.
    message.add_attachment(data.encode(), maintype="text", subtype="plain", filename="my.data.txt")
    clients.send(message)
    clients.redis.set("newest.data", data)
    return Response()


def serve() -> None:
    """Serve until the process is ended, beside a main thread that computes when it is told to."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
        print(listening.getsockname()[1], flush=True)
        compute_when_told()


if __name__ == "__main__":
    clients = Clients(json.loads(sys.stdin.readline()))
    serve()
