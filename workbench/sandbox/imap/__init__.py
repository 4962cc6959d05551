"""The IMAP peer: a mailbox that tests fill and clients read."""
