"""Zato's `zato.common`: constants by name."""

from __future__ import annotations

from workbench.connections.smtp.message import SMTPMessage
from workbench.zato.common.exception import ZatoException


class CACHE:
    """Names of caches."""

    class TYPE:
        """Kinds of cache."""

        BUILTIN = "builtin"
        MEMCACHED = "memcached"


class ADAPTER_PARAMS:
    """Which wins in a JSONAdapter: its own params, or those of the request."""

    APPLY_AFTER_REQUEST = "apply-after-request"
    APPLY_BEFORE_REQUEST = "apply-before-request"


class SERVER_STARTUP:
    """Names of a server's start."""

    class PHASE:
        """Phases that startup callables are told of."""

        FS_CONFIG_ONLY = "fs-config-only"
        IMPL_BEFORE_RUN = "impl-before-run"
        BEFORE_POST_FORK = "before-post-fork"
        IN_PROCESS_FIRST = "in-process-first"
        IN_PROCESS_OTHER = "in-process-other"
        AFTER_STARTED = "after-started"


class CHANNEL:
    """Words of `self.channel.type`."""

    FANOUT_CALL = "fanout-call"
    FANOUT_ON_FINAL = "fanout-on-final"
    FANOUT_ON_TARGET = "fanout-on-target"
    HTTP_SOAP = "http-soap"
    INVOKE = "invoke"
    INVOKE_ASYNC = "invoke-async"
    INVOKE_ASYNC_CALLBACK = "invoke-async-callback"
    JSON_RPC = "json-rpc"
    PARALLEL_EXEC_CALL = "parallel-exec-call"
    PARALLEL_EXEC_ON_TARGET = "parallel-exec-on-target"
    SCHEDULER = "scheduler"


class DATA_FORMAT:
    """Words of a channel's `data_format`."""

    CSV = "csv"
    DICT = "dict"
    FORM_DATA = "form"
    JSON = "json"
    XML = "xml"


class SCHEDULER:
    """Words of the scheduler."""

    class JOB_TYPE:
        """Kinds of job."""

        CRON_STYLE = "cron_style"
        INTERVAL_BASED = "interval_based"
        ONE_TIME = "one_time"


__all__ = [
    "ADAPTER_PARAMS",
    "CACHE",
    "CHANNEL",
    "DATA_FORMAT",
    "SCHEDULER",
    "SERVER_STARTUP",
    "SMTPMessage",
    "ZatoException",
]
