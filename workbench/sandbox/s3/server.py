"""An S3: moto's, behind a port whose faults can be chosen, showing what a bucket holds."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import count
from threading import RLock
from typing import Annotated, Any, ClassVar, Self, cast
from urllib.parse import quote
from xml.sax.saxutils import escape

from msgspec import Meta

from workbench.connections.files.names import path_of
from workbench.connections.files.protocol import said_bytes
from workbench.core.errors import MissingDependency
from workbench.core.secret import given
from workbench.sandbox.faults import Faults, StrangeNames, raw
from workbench.sandbox.file_tree import Asked
from workbench.sandbox.http.source import HTTPFaults, beside
from workbench.sandbox.http.wire import Headers, HTTPAnswer, Request, http_protocol
from workbench.sandbox.journal import Journal
from workbench.sandbox.peer import Peer
from workbench.sandbox.s3.habits import ETags, Habits, Known, as_arrived, fits, is_upload, spoilt, takes_file
from workbench.sandbox.s3.signature import is_signed_with, key_of

SHOWN = 20
DEFAULT_BUCKET = "bucket"
LISTED = re.compile(rb"<Bucket>.*?</Bucket>", re.DOTALL)
# moto answers the unsigned with 403.
OWN = Headers([("Authorization", "AWS4-HMAC-SHA256 Credential=peer/20260101/us-east-1/s3/aws4_request")])
_numbers = count(1)
# What moto keeps belongs to the process; one thing at a time, so that a conditional write is one.
_moto = RLock()


class S3Faults(HTTPFaults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be wrong with an S3; `status=503` is its request to slow down."""

    denied: Annotated[bool, Meta(description="Refuse every call (403 AccessDenied).")] = False
    expired_token: Annotated[bool, Meta(description="Have the credentials expired.")] = False
    strange_names: StrangeNames = ()
    wrong_hash: Annotated[bool, Meta(description="Have something else arrive than was sent.")] = False
    unchecked: Annotated[bool, Meta(description="Keep what does not fit the checksum that came with it.")] = False
    hang_up_before_answer: Annotated[bool, Meta(description="Take a file, then hang up without a word.")] = False
    short_copies: Annotated[bool, Meta(description="Keep half of what is copied within it.")] = False
    etags: Annotated[ETags, Meta(description="What an ETag is, if not the MD5 in lower case.")] = "md5"
    checksums: Annotated[Known, Meta(description="What becomes of checksum headers in a request.")] = "known"
    conditions: Annotated[Known, Meta(description="What becomes of If-None-Match in a write.")] = "known"
    disk_full: Annotated[bool, Meta(description="Have no room for anything (507).")] = False


class S3Server(Peer):
    """Plays S3 for one bucket, which is there; others can be made."""

    kind: ClassVar[str] = "s3"
    label: ClassVar[str] = "S3"
    fault_fields: ClassVar[type[Faults]] = S3Faults

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self.asked: Journal[Asked] = Journal("request")
        self.bucket = DEFAULT_BUCKET
        self._secrets: dict[str, str] = {}
        self._mark = f"peer{next(_numbers)}-"
        self.files = Bucket(self)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.address}"

    def start(self) -> Self:
        _application()
        self._make_bucket()
        return super().start()

    def _make_bucket(self) -> None:
        self.serve(Request("PUT", f"/{self.bucket}", "", OWN))

    def pointed(self, definition: Any) -> dict[str, Any]:
        if self.bucket == DEFAULT_BUCKET != definition.bucket:
            self._move_to(definition.bucket)
        self.bucket = definition.bucket
        self._make_bucket()
        key = definition.access_key or "AKIASANDBOX"
        # Once it stands in for a definition, nobody else is let in.
        secret = self.credential(definition, "secret_key")
        self._secrets[key] = given(secret.name) or ""
        made_up = {} if definition.secret_key is not None else {"secret_key": secret}
        return {"address": self.url, "access_key": key, **made_up}

    def _move_to(self, bucket: str) -> None:
        """Take along what was put here before anybody knew the bucket's name."""
        self.serve(Request("PUT", f"/{bucket}", "", OWN))
        for key in self.sizes():
            body = self.serve(Request("GET", f"/{self.bucket}/{key}", "", OWN)).body
            self.serve(Request("PUT", f"/{bucket}/{key}", "", OWN, body))
            self.serve(Request("DELETE", f"/{self.bucket}/{key}", "", OWN))
        self.serve(Request("DELETE", f"/{self.bucket}", "", OWN))

    def protocol(self) -> asyncio.BaseProtocol:
        return http_protocol(beside(self, self.respond))

    async def respond(self, request: Request) -> HTTPAnswer | None:
        """HTTPAnswer one request; None hangs up."""
        trouble, faults = self.trouble, cast(S3Faults, self.faults)
        if faults.hang_up and trouble.strikes():
            return None
        if faults.garbage and trouble.strikes():
            return HTTPAnswer(raw=b"\x00\x01 this is no HTTP\r\n\r\n")
        answer = self._refusal(request, faults)
        if answer is None or not trouble.strikes():
            habits = Habits(faults.etags, faults.checksums, faults.conditions)
            if habits.refuses(request):
                answer = _error(501, "NotImplemented")
            else:
                heard = habits.heard(request)
                spoils = faults.wrong_hash and is_upload(heard, faults.unchecked) and trouble.strikes()
                answer = habits.told(await asyncio.to_thread(self._kept, heard, faults, spoils), request)
        if faults.strange_names and request.params.get("list-type") == "2":
            answer.body = _with_names(answer.body, request.params, faults.strange_names)
        size = len(request.body) if request.method == "PUT" else None
        path = request.path.strip("/").partition("/")[2]
        self.asked.add(Asked(request.method, path, size, str(answer.status)), 0)
        if faults.hang_up_before_answer and takes_file(request) and trouble.strikes():
            return None
        most = faults.cut_body_after_bytes
        if most is not None and most < len(answer.body) and trouble.strikes():
            answer.cut_body_after_bytes = most
        return answer

    def _refusal(self, request: Request, faults: S3Faults) -> HTTPAnswer | None:
        """What is answered instead, by the faults in force or for want of access."""
        key = key_of(request)
        if faults.status is not None:
            code = "SlowDown" if faults.status in (429, 503) else "InternalError"
            waits = faults.retry_after_seconds
            return _error(faults.status, code, [] if waits is None else [("Retry-After", str(waits))])
        if faults.denied:
            return _error(403, "AccessDenied")
        if faults.expired_token:
            return _error(400, "ExpiredToken")
        if faults.disk_full and request.method in ("PUT", "POST"):
            return _error(507, "InsufficientStorage")
        if self._secrets and key is not None:
            if key not in self._secrets:
                return _error(403, "InvalidAccessKeyId")
            if not is_signed_with(request, self._secrets[key]):
                return _error(403, "SignatureDoesNotMatch")
        return None

    def _kept(self, request: Request, faults: S3Faults, spoils: bool) -> HTTPAnswer:
        """Serve a request as a store of these habits, which may receive something else than was sent."""
        if spoils and request.method == "POST":
            return _error(400, "BadDigest")
        received = spoilt(request) if spoils else request
        if not faults.unchecked and not fits(received):
            return _error(400, "BadDigest")
        answer = self.serve(as_arrived(received))
        if faults.short_copies and "x-amz-copy-source" in received.headers:
            whole = self.serve(Request("GET", received.path, "", OWN)).body
            self.serve(Request("PUT", received.path, "", OWN, whole[: len(whole) // 2]))
        return answer

    def serve(self, request: Request) -> HTTPAnswer:
        """What moto answers; the buckets of every peer are its own."""
        place = f"/{self._mark}{request.path.lstrip('/')}" if request.path.strip("/") else "/"
        source = request.headers.get("x-amz-copy-source", "")
        fields = {name: request.headers[name] for name in request.headers}
        if source:
            fields["x-amz-copy-source"] = f"/{self._mark}{source.lstrip('/')}"
        told: list[Any] = []
        with _moto:
            blocks = _application()(_environ(request, place, fields), lambda *head: told.append(head))
            body = b"".join(blocks)
        status, headers = told[0][:2]
        dropped = ("content-length", "connection", "server", "date")
        kept = [(name, value) for name, value in headers if name.lower() not in dropped]
        if any(name.lower() == "content-type" and "xml" in value for name, value in headers):
            mark = self._mark.encode()
            body = LISTED.sub(lambda found: found[0] if b"<Name>" + mark in found[0] else b"", body)
            body = body.replace(mark, b"")
        if request.method == "HEAD":
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
            return HTTPAnswer(int(status[:3]), b"", kept, length=length)
        return HTTPAnswer(int(status[:3]), body, kept)

    def put(self, path: str, contents: bytes | str) -> Self:
        """Have a file arrive in the bucket; one of that name is replaced."""
        body = contents.encode() if isinstance(contents, str) else contents
        self.serve(Request("PUT", f"/{self.bucket}/{path_of(path, self)}", "", OWN, body))
        return self

    def make_folder(self, path: str) -> Self:
        """Have a folder there."""
        self.serve(Request("PUT", f"/{self.bucket}/{path_of(path, self)}/", "", OWN))
        return self

    def _fill_from(self, other: Self) -> None:
        self.bucket = other.bucket
        self._make_bucket()
        for key in other.sizes():
            body = other.serve(Request("GET", f"/{other.bucket}/{key}", "", OWN)).body
            self.serve(Request("PUT", f"/{self.bucket}/{key}", "", OWN, body))

    def clear(self) -> None:
        """Throw every file away."""
        for key in self.sizes():
            self.serve(Request("DELETE", f"/{self.bucket}/{key}", "", OWN))

    def sizes(self) -> dict[str, int]:
        """Every key in the bucket with its size [bytes]."""
        with _moto:
            bucket = _backend().buckets.get(f"{self._mark}{self.bucket}")
            return {str(key.name): int(key.size) for key in bucket.keys.values()} if bucket is not None else {}

    def rows(self) -> list[dict[str, Any]]:
        return [{"file": path, "bytes": self.files.size(path)} for path in self.files]

    def summary(self) -> str:
        rows = self.rows()
        lines = [f"{row['file']} ({said_bytes(row['bytes'])})" for row in rows[:SHOWN]]
        more = [f"and {len(rows) - SHOWN} more"] if len(rows) > SHOWN else []
        count_ = f"{len(rows) or 'no'} file{'' if len(rows) == 1 else 's'}"
        return "\n".join([f"{self}: {count_}{'.' if rows else ''}", *lines, *more])


class Bucket(Mapping[str, bytes]):
    """The files of a peer's bucket by path, read when they are looked at; empty folders left out."""

    def __init__(self, peer: S3Server) -> None:
        self._peer = peer

    def __getitem__(self, path: str) -> bytes:
        if path not in self._peer.sizes():
            raise KeyError(path)
        return self._peer.serve(Request("GET", f"/{self._peer.bucket}/{path}", "", OWN)).body

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(key for key in self._peer.sizes() if not key.endswith(("/", ".part"))))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def size(self, path: str) -> int:
        """A file's size [bytes]."""
        return self._peer.sizes()[path]

    def __repr__(self) -> str:
        return "\n".join(f"{path} ({said_bytes(self.size(path))})" for path in self) or "No files."


@cache
def _application() -> Any:
    try:
        from moto.moto_server.werkzeug_app import create_backend_app
    except ImportError as exc:
        raise MissingDependency("The S3 peer", "moto[server]", extra="peers") from exc
    return create_backend_app("s3")


def _backend() -> Any:
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def _environ(request: Request, place: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """The request as WSGI wants it."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # moto decodes it once more.
        "PATH_INFO": quote(place),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in fields.items():
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING", "HOST"):
            environ[f"HTTP_{key}"] = value
    environ["HTTP_HOST"] = "localhost"
    return environ


def _with_names(body: bytes, asked: Mapping[str, str], names: tuple[str, ...]) -> bytes:
    """A listing with more keys in it, written as the client has asked for."""
    if asked.get("encoding-type") != "url":
        names = tuple(escape(name) for name in names)
    else:
        names = tuple(quote(raw(name)) for name in names)
    rest = "<LastModified>2026-01-01T00:00:00.000Z</LastModified><Size>1</Size>"
    keys = (f"<Contents><Key>{asked.get('prefix', '')}{name}</Key>{rest}</Contents>" for name in names)
    return body.replace(b"</ListBucketResult>", "".join(keys).encode() + b"</ListBucketResult>")


def _error(status: int, code: str, headers: list[tuple[str, str]] | None = None) -> HTTPAnswer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{code}</Message></Error>'
    return HTTPAnswer(status, body.encode(), [("Content-Type", "application/xml"), *(headers or [])])
