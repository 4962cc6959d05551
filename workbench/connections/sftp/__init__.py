"""SFTP: files on servers that speak SSH."""
