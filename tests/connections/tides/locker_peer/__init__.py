"""The locker peer, in one folder: a server with a temporary folder."""
