"""Mailboxes of several makes: the peer in each of its dialects, and Dovecot itself."""

from __future__ import annotations

from tests.dovecot_server import dovecot_server as dovecot_server
