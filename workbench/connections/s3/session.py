"""The client of boto3 for one bucket: its tries are counted by the connection, its reads end in time."""

from __future__ import annotations

from typing import Any

from workbench.connections.common.http import bound_pools, is_here
from workbench.connections.common.tls import file_of
from workbench.connections.s3.definition import S3Connection
from workbench.core.errors import MissingDependency


def client_of(definition: S3Connection, secret_key: str | None) -> Any:
    """boto3's client for one connection; nobody is called yet."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError as exc:
        raise MissingDependency("S3", "boto3", extra="s3") from exc
    config = Config(
        connect_timeout=definition.timeout_seconds,
        read_timeout=definition.timeout_seconds,
        # Tries are counted by the connection, where a deadline can end them.
        retries={"total_max_attempts": 1},
        max_pool_connections=definition.pool_size,
        # What only speaks like S3 may refuse a checksum that boto3 adds by itself; a sink sends one while it is taken.
        request_checksum_calculation="when_required" if definition.address else None,
        s3={"addressing_style": "path" if definition.address else "auto"},
        proxies={} if is_here(definition.address) else None,
        user_agent_extra="workbench",
    )
    # A session of its own: the default one is shared, and not safe to make clients from in many threads.
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=definition.address.rstrip("/") or None,
        region_name=definition.region,
        aws_access_key_id=definition.access_key,
        aws_secret_access_key=secret_key,
        verify=file_of(definition, definition.ca_file),
        config=config,
    )
    session = client._endpoint.http_session
    bound_pools(session._manager)
    # For the pools of a proxy, made when one is first needed.
    session._pool_classes_by_scheme = session._manager.pool_classes_by_scheme
    return client
