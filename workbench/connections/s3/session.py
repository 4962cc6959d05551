"""The client of boto3 for one bucket: its tries are counted by the connection, its reads end in time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workbench.connections.common.hosts import host_of, is_outside
from workbench.connections.common.http import bound_pools
from workbench.connections.common.tls import file_of
from workbench.connections.s3.definition import S3Connection
from workbench.core.current import begin
from workbench.core.errors import MissingDependency
from workbench.core.mood import mood_of_status
from workbench.core.trace import Outgoing

STEP, ASKED = "workbench_step", "workbench_asked"


class OfThread(threading.local):
    """Whether this thread's call is part of a step that is already in the trace, as that of a file method."""

    is_told = False


_of_thread = OfThread()


@contextmanager
def told() -> Iterator[None]:
    """Have what this thread asks of S3 be no steps of their own."""
    before, _of_thread.is_told = _of_thread.is_told, True
    try:
        yield
    finally:
        _of_thread.is_told = before


class Recording:
    """Keeps what a service asks of boto3's client by itself; heard by botocore's events.

    Source: the events of botocore, `provide-client-params` to `after-call-error`.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def listen(self, events: Any) -> None:
        """Hear of every call of one client."""
        events.register("provide-client-params.s3", self._asked)
        events.register("before-call.s3", self._begins)
        events.register("after-call.s3", self._answered)
        events.register("after-call-error.s3", self._failed)

    def _asked(self, params: dict[str, Any], context: dict[str, Any], **more: Any) -> None:
        context[ASKED] = {} if _of_thread.is_told else dict(params)

    def _begins(self, model: Any, context: dict[str, Any], **more: Any) -> None:
        if not _of_thread.is_told:
            asked, name = context.get(ASKED), self._name
            context[STEP] = begin("s3", f"S3 {name} {model.name}", asked, connection=name, operation=model.name)

    def _answered(self, parsed: dict[str, Any], context: dict[str, Any], **more: Any) -> None:
        step: Outgoing | None = context.pop(STEP, None)
        if step is not None:
            status = int(parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            # A body is a stream that the service reads.
            step.answered({name: value for name, value in parsed.items() if name not in ("Body", "ResponseMetadata")})
            step.end(str(status), mood_of_status(status))

    def _failed(self, exception: Exception, context: dict[str, Any], **more: Any) -> None:
        step: Outgoing | None = context.pop(STEP, None)
        if step is not None:
            step.fail(exception)


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
        proxies=None if is_outside(host_of(definition.called)) else {},
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
    Recording(definition.name).listen(client.meta.events)
    session = client._endpoint.http_session
    bound_pools(session._manager)
    # For the pools of a proxy, made when one is first needed.
    session._pool_classes_by_scheme = session._manager.pool_classes_by_scheme
    return client
