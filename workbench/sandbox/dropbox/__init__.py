"""The Dropbox peer: serves the official client, unchanged."""
