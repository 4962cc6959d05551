"""The FTP peer: a server, plain and under TLS, with a temporary folder."""
