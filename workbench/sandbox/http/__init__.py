"""The HTTP peer: a server that answers what it was told to, and keeps every request."""
