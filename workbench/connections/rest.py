"""Outgoing REST: one pooled `requests.Session` per connection, with retries and a deadline for the whole call."""

from __future__ import annotations
