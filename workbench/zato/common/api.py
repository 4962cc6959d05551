"""Zato's `zato.common.api`: constants, and the mail message."""

from __future__ import annotations

from workbench.connections.smtp.message import SMTPMessage
from workbench.zato.common import ADAPTER_PARAMS, CACHE, CHANNEL, DATA_FORMAT, SCHEDULER, SERVER_STARTUP

__all__ = ["ADAPTER_PARAMS", "CACHE", "CHANNEL", "DATA_FORMAT", "SCHEDULER", "SERVER_STARTUP", "SMTPMessage"]
