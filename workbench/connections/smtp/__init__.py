"""Outgoing mail by SMTP: messages, and the servers that take them."""
