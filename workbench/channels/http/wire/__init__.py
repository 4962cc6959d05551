"""HTTP/1.1 on asyncio: bytes to exchanges and back, as strict as RFC 9112, with a bound on all that a client sends."""
