"""Redis, always there: its client, and a server of our own unless one is named."""
