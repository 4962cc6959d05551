"""What an S3 connection is defined by."""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from msgspec import Meta

from workbench.connections.common.fields import LARGEST_ANSWER_BYTES, MaxAnswer, pair_problems
from workbench.connections.common.tls import CAFile
from workbench.connections.common.trying import Deadline, Retries
from workbench.connections.definition import ConnectionDefinition, Timeout
from workbench.connections.files.names import folder_problems
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
    opener: ClassVar[str] = "workbench.connections.s3.live:open_s3"

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
    max_answer_bytes: MaxAnswer = LARGEST_ANSWER_BYTES
    ca_file: CAFile = None

    def problems(self) -> dict[str, str]:
        return pair_problems(self, "access_key", "secret_key") | folder_problems(self.default_directory)

    @property
    def host(self) -> str:
        """Who is called."""
        return urlsplit(self.address).netloc or f"s3.{self.region}.amazonaws.com"
