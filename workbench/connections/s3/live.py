"""S3 and what speaks like it (MinIO, Ceph, R2): a bucket's files, and the official client beside them."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from msgspec import Meta

from workbench.connections.common.http import bound_pools
from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Opening, Timeout
from workbench.connections.files.live import LiveFiles
from workbench.connections.files.names import path_of
from workbench.connections.rest.session import LOOPBACK
from workbench.connections.s3.backend import S3Backend
from workbench.core.errors import MissingDependency
from workbench.core.secret import Secret


class S3Connection(ConnectionDefinition, tag="s3", frozen=True, kw_only=True):
    """A bucket of S3, or of a system that speaks like it."""

    kind: ClassVar[str] = "S3"
    attributes: ClassVar[dict[str, str]] = {
        "cloud.s3": "item",
        "cloud.aws.s3": "item",
        "out.s3": "conn",
        "out.files": "conn",
    }

    bucket: Annotated[
        str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="The bucket, which must exist.")
    ]
    access_key: Annotated[str | None, Meta(description="Access key id; none takes what boto3 finds.")] = None
    secret_key: Annotated[Secret | str | None, Meta(description="Secret that holds the secret access key.")] = None
    region: Annotated[str, Meta(min_length=1, description="Region, as eu-central-1.")] = "us-east-1"
    address: Annotated[
        str,
        Meta(pattern=r"^(https?://[^/\s@]+)?/?$", description="Server, as https://s3.example.com; empty for AWS."),
    ] = ""
    default_directory: Annotated[str, Meta(description="Folder that a service sees as the root.")] = ""
    content_type: Annotated[str, Meta(description="Type of what is written.")] = "application/octet-stream"
    storage_class: Annotated[str, Meta(description="As STANDARD_IA; empty for the bucket's own.")] = ""
    timeout_seconds: Timeout = 30.0
    deadline_seconds: Deadline = 300.0
    retries: Retries = 3
    pool_size: Annotated[int, Meta(ge=1, le=100, description="Most connections kept open.")] = 10
    ca_file: Annotated[str | None, Meta(description="File of the authorities to trust instead of the usual ones.")] = (
        None
    )

    def problems(self) -> dict[str, str]:
        problems: dict[str, str] = {}
        if (self.access_key is None) != (self.secret_key is None):
            problems["access_key"] = "and secret_key go together: give both or neither"
        try:
            path_of(self.default_directory, "default_directory")
        except ValueError as exc:
            problems["default_directory"] = str(exc)
        return problems

    def open(self, opening: Opening) -> LiveS3:
        secret = self.secret_key if isinstance(self.secret_key, Secret) else None
        return LiveS3(self, opening.reveal(secret, str(self)))

    @property
    def host(self) -> str:
        """Who is called."""
        return urlsplit(self.address).netloc or f"s3.{self.region}.amazonaws.com"


class LiveS3(LiveFiles):
    """`self.out.s3["name"]`: the files of the bucket; `client` is boto3's own."""

    def __init__(self, definition: S3Connection, secret_key: str | None) -> None:
        self._client: Any = None
        self._lock = RLock()
        self._made: Callable[[], Any] = lambda: client_of(definition, secret_key)
        super().__init__(
            definition,
            S3Backend(definition, lambda: self.client),
            deadline_seconds=definition.deadline_seconds,
            retries=definition.retries,
        )

    @property
    def client(self) -> Any:
        """The S3 client of boto3, made at first use; its errors are its own.

        Raises:
            MissingDependency: The package `boto3` is not installed.
        """
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()


def client_of(definition: S3Connection, secret_key: str | None) -> Any:
    """boto3's client for one connection; nobody is called yet."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError as exc:
        raise MissingDependency("S3", "boto3", extra="s3") from exc
    is_here = urlsplit(definition.address).hostname in LOOPBACK
    config = Config(
        connect_timeout=definition.timeout_seconds,
        read_timeout=definition.timeout_seconds,
        # Tries are counted by the connection, where a deadline can end them.
        retries={"total_max_attempts": 1},
        max_pool_connections=definition.pool_size,
        # What only speaks like S3 may refuse a checksum that boto3 adds by itself; a sink sends one while it is taken.
        request_checksum_calculation="when_required" if definition.address else None,
        s3={"addressing_style": "path" if definition.address else "auto"},
        proxies={} if is_here else None,
        user_agent_extra="workbench",
    )
    # A session of its own: the default one is shared, and not safe to make clients from in many threads.
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=definition.address.rstrip("/") or None,
        region_name=definition.region,
        aws_access_key_id=definition.access_key,
        aws_secret_access_key=secret_key,
        verify=definition.ca_file,
        config=config,
    )
    session = client._endpoint.http_session
    bound_pools(session._manager)
    # For the pools of a proxy, made when one is first needed.
    session._pool_classes_by_scheme = session._manager.pool_classes_by_scheme
    return client
