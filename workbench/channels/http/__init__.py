"""HTTP/1.1: the one server that every HTTP channel shares; the only files that know Tornado."""
