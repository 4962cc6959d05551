"""The SFTP peer: a server with a temporary folder."""
