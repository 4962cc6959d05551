"""Zato's `zato.common`: constants by name."""

from __future__ import annotations


class CACHE:
    """Names of caches."""

    class TYPE:
        """Kinds of cache."""

        BUILTIN = "builtin"
        MEMCACHED = "memcached"


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
