"""What a person sees in a browser window besides the answers of services: a question, and the list of what is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from workbench.channels.answers import Answer
from workbench.channels.definition import HTTPChannel
from workbench.channels.guard import LOOPBACK
from workbench.core.masking import mask

PASSED_ON = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via")
_HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
]
_STYLE = (
    "body{font:15px/1.6 system-ui,sans-serif;max-width:46em;margin:3em auto;padding:0 1em;color:#222;background:#fff}"
    "code{font-size:13px}td{padding:2px 18px 2px 0}.open{border:1px solid #888;border-radius:4px;padding:4px 14px;"
    "text-decoration:none;color:inherit}.faint{color:#666}"
)


def asks_for_a_page(headers: Mapping[str, str]) -> bool:
    """Whether a browser's window on this machine asks, and neither a program nor somebody behind a proxy.

    What is open here, and for whom, is nobody's business elsewhere.
    """
    return "text/html" in headers.get("Accept", "") and asks_from_here(headers)


def asks_from_here(headers: Mapping[str, str]) -> bool:
    """Whether somebody on this machine asks, and nobody behind a proxy."""
    host = headers.get("Host", "").lower()
    is_here = (host if host.endswith("]") else host.rsplit(":", 1)[0]) in LOOPBACK
    return is_here and not any(name in headers for name in PASSED_ON)


def question(host: str, target: str, cid: str) -> Answer:
    """Ask a person whether to go on to an address to which a page of another site has led.

    Args:
        host: The Host header, which the guard has checked.
        target: Path and query, percent-encoded.
        cid: The request's CID.
    """
    url = escape(f"http://{host}{target}")
    return _page(
        403,
        "Open this address?",
        f"<p>A page of another site leads here. To open this address calls a service on this machine:</p>"
        f'<p><code>{url}</code></p><p><a class="open" href="{url}">Open</a></p>',
        cid,
    )


def listing(host: str, channels: Iterable[HTTPChannel], cid: str) -> Answer:
    """What is open at this address.

    Args:
        host: The Host header, which the guard has checked.
        channels: The active ones.
        cid: The request's CID.
    """
    rows = "".join(_row(host, each) for each in sorted(channels, key=lambda channel: channel.path))
    shown = f"<table>{rows}</table>" if rows else "<p>No channel is open yet.</p>"
    return _page(200, "Open on this workbench", shown, cid)


def _row(host: str, channel: HTTPChannel) -> str:
    path, who = escape(channel.path), f"only {channel.security}" if channel.security else "anyone on this machine"
    methods = " ".join(channel.methods) or "every method"
    asked = not channel.security and "{" not in channel.path and (not channel.methods or "GET" in channel.methods)
    shown = f'<a href="{escape(f"http://{host}{channel.path}")}">{path}</a>' if asked else path
    said = escape(mask(f"{methods}, {who}"))
    return f'<tr><td><code>{shown}</code></td><td>{escape(channel.name)}</td><td class="faint">{said}</td></tr>'


def _page(status: int, title: str, body: str, cid: str) -> Answer:
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
    return Answer(status, [("X-Zato-CID", cid), *_HEADERS], f"{page}<h2>{title}</h2>{body}</html>".encode())
