"""Bodies of requests: kept on disk when big, unpacked, taken apart into fields and files."""
