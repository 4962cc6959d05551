"""S3 and what speaks like it (MinIO, Ceph, R2): a bucket's files, and the official client beside them."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any

from workbench.connections.definition import Opening
from workbench.connections.files.live import LiveFiles
from workbench.connections.s3.account import S3Account
from workbench.connections.s3.backend import S3Backend
from workbench.connections.s3.definition import S3Connection
from workbench.connections.s3.session import client_of


def open_s3(definition: S3Connection, opening: Opening) -> LiveS3:
    """The live object of one definition."""
    return LiveS3(definition, opening.reveal(definition.secret_key, definition))


class LiveS3(LiveFiles):
    """`self.out.s3["name"]`: the files of the bucket; `client` is boto3's own."""

    def __init__(self, definition: S3Connection, secret_key: str | None) -> None:
        self._client: Any = None
        self._lock = RLock()
        self._made: Callable[[], Any] = lambda: client_of(definition, secret_key)
        super().__init__(
            definition,
            S3Backend(S3Account(definition, lambda: self.client)),
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
