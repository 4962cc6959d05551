"""Incoming mail by IMAP: mailboxes, and the messages in them."""
