"""Us: what the notebooks do. A file by REST to Dropbox; fetch, keep and mail; the limited hello.

The first line of the input says where the others are; later ones, when the main thread computes, as a cell does.
"""

from __future__ import annotations

import json
import os
import sys

import redis  # noqa: F401 - so that the first call does not wait for it
from dropbox.files import WriteMode

from tests.bench.servers.computing import compute_when_told
from tests.bench.servers.orders import (
    CC,
    GREETING,
    LIMIT_PER_MINUTE,
    PASSWORD,
    RECIPIENT,
    SENDER,
    USER,
    Places,
)
from workbench import (
    BasicAuth,
    DropboxConnection,
    RESTChannel,
    RESTConnection,
    Service,
    SMTPConnection,
    SMTPMessage,
    Workbench,
    secret,
)


class DropboxConnector(Service):
    """Receives data to be uploaded to Dropbox."""

    name = "api.connector.dropbox"

    class SimpleIO:
        input_required = "file_name", "data"

    def handle(self) -> None:
        path = "/" + self.request.input.file_name
        client = self.cloud.dropbox["My Connection"].conn.client
        client.files_upload(self.request.input.data, path, mode=WriteMode.overwrite)


class Upload(Service):
    """Takes a file by REST."""

    name = "upload"

    def handle(self) -> None:
        given = {"file_name": self.request.http.params.file_name, "data": self.request.raw_request}
        self.invoke("api.connector.dropbox", given)


class Sync(Service):
    """Fetch new data, keep it in Redis, mail it."""

    name = "sync"

    def handle(self) -> None:
        data = self.out.plain_http["My Data Source"].conn.get(self.cid).text
        message = SMTPMessage(from_=SENDER, to=RECIPIENT, cc=CC, subject="New data", body="Check attached data")
        message.attach("my.data.txt", data)
        self.email.smtp["My SMTP"].conn.send(message)
        self.kvdb.conn.set("newest.data", data)


class Hello(Service):
    name = "hello"

    def handle(self) -> str:
        return GREETING


class HelloAsync(Service):
    name = "hello-async"

    async def handle(self) -> str:
        return GREETING


def serve(places: Places) -> None:
    """Serve until the process is ended."""
    os.environ |= {"BENCH_PASSWORD": PASSWORD, "BENCH_TOKEN": places["token"], "WORKBENCH_REDIS": places["redis"]}
    wb = Workbench(store="memory://", port=0)
    wb.deploy(DropboxConnector, Upload, Sync, Hello, HelloAsync)
    wb.define(
        BasicAuth(USER, password=secret("BENCH_PASSWORD")),
        DropboxConnection(
            "My Connection", user_agent="bench/1.0", token=secret("BENCH_TOKEN"), api_url=places["dropbox"]
        ),
        RESTConnection("My Data Source", host=places["source"], path="/rates"),
        SMTPConnection("My SMTP", host=places["smtp_host"], port=places["smtp_port"], mode="plain"),
        *(
            RESTChannel(each.name, security=USER, limit=f"{LIMIT_PER_MINUTE}/m")
            for each in (Upload, Sync, Hello, HelloAsync)
        ),
    )
    print(wb.start().rpartition(":")[2], flush=True)
    compute_when_told()


if __name__ == "__main__":
    serve(json.loads(sys.stdin.readline()))
