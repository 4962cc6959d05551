"""A bucket as one account sees it: every call to it, its errors in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from workbench.connections.common.http import Most, bounded
from workbench.connections.common.trying import Due
from workbench.connections.files.errors import NoSuchFile
from workbench.connections.files.names import path_of
from workbench.connections.s3.definition import S3Connection
from workbench.connections.s3.errors import of_answer, of_trouble
from workbench.connections.s3.proof import Habits
from workbench.connections.s3.session import told


class S3Account:
    """One bucket below its default directory, what it was found not to know, and how it is called.

    Args:
        definition: Which bucket, and where.
        client: Gives boto3's client.
    """

    def __init__(self, definition: S3Connection, client: Callable[[], Any]) -> None:
        self.definition, self._client = definition, client
        folder = path_of(definition.default_directory, definition)
        self.root = f"{folder}/" if folder else ""
        self.habits = Habits(definition)

    def at(self, path: str) -> dict[str, Any]:
        """Bucket and key, as every call wants them."""
        return {"Bucket": self.definition.bucket, "Key": self.root + path}

    @contextmanager
    def asking(self, path: str, due: Due) -> Iterator[Any]:
        """The client, its errors turned into those of files."""
        client = self._client()
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            most = Most(self.definition, self.definition.max_answer_bytes)
            with bounded(due, self.definition.timeout_seconds, most), told():
                yield client
        except ClientError as exc:
            raise of_answer(self.definition, exc, path) from exc
        except BotoCoreError as exc:
            raise of_trouble(self.definition, exc) from exc

    def entry(self, path: str, due: Due) -> Any:
        """What is told of a file; None if there is none."""
        try:
            with self.asking(path, due) as client:
                return client.head_object(**self.at(path))
        except NoSuchFile:
            return None
