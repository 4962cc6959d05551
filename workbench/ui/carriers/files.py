"""The files of pages that a browser opens: they run no script but the server's own, and nobody frames them."""

from __future__ import annotations

from workbench.channels.answers import Answer

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def html(name: str, title: str) -> str:
    """A page that has a style sheet and a module of its own name."""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="{name}.css">
<body><main id="workbench"></main><noscript>This page needs JavaScript.</noscript>
<script type="module" src="{name}.js"></script>
</html>
"""


def file(text: str, kind: str) -> Answer:
    """One of the files; `kind` is its content type."""
    headers = [
        ("Content-Type", f"{kind}; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", POLICY),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
    ]
    return Answer(200, headers, text.encode())
