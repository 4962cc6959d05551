"""What a person sees in a browser window besides the answers of services: a question, and the list of what is open."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape

from workbench.channels.answers import Answer
from workbench.channels.definition import HTTPChannel
from workbench.channels.guard import LOOPBACK
from workbench.channels.websocket.definition import SocketAddress
from workbench.core.masking import mask

PASSED_ON = ("X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via")
_HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Frame-Options", "DENY"),
]
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:15px/1.6 system-ui,sans-serif;max-width:46em;margin:3em auto;padding:0 1em}"
    "code,textarea,li{font:13px/1.6 ui-monospace,monospace}td{padding:2px 18px 2px 0}.faint{opacity:.7}"
    ".open{border:1px solid #888;border-radius:4px;padding:4px 14px;text-decoration:none;color:inherit;background:none}"
    "button.open:enabled{cursor:pointer;background:#1259a5;border-color:#1259a5;color:#fff}"
    "textarea{box-sizing:border-box;width:100%;padding:6px 8px;border:1px solid #888;border-radius:4px}"
    "ol{list-style:none;padding:0}li{white-space:pre-wrap;overflow-wrap:anywhere}"
    "li:nth-child(n+2){border-top:1px solid #8884}"
)

_TRY = """
const said = document.getElementById("said"), form = document.getElementById("says"), input = form.elements.message;
const send = form.querySelector("button");
function tell(mark, text) {
  const row = said.appendChild(document.createElement("li"));
  row.textContent = `${mark} ${text}`;
  row.scrollIntoView();
}
const asks = document.getElementById("asks"), url = location.href.replace(/^http/, "ws").replace(/#.*/, "");
let socket;
function connect(headers) {
  asks.hidden = true;
  socket = headers ? new WebSocket(url, ["create-session"]) : new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    if (headers) socket.send(JSON.stringify({ meta: { action: "create-session", headers } }));
    send.disabled = false;
    tell("\u2022", "connected");
  };
  socket.onmessage = ({ data }) => tell("\u2190", typeof data === "string" ? data : `${data.byteLength} bytes`);
  socket.onclose = ({ code, reason }) => {
    send.disabled = true;
    asks.hidden = false;
    tell("\u2022", `closed ${code} ${reason}`);
  };
}
form.onsubmit = (event) => { event.preventDefault(); socket.send(input.value); tell("\u2192", input.value); };
asks.onsubmit = (event) => {
  event.preventDefault();
  const { header } = asks.dataset;
  connect(header && { [header]: asks.elements.key.value });
};
if (asks.hidden) connect();
"""
_TRY_POLICY = (
    f"{_POLICY}; connect-src 'self'; form-action 'none'; "
    f"script-src 'sha256-{b64encode(sha256(_TRY.encode()).digest()).decode()}'"
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


def question(origin: str, target: str, cid: str) -> Answer:
    """Ask a person whether to go on to an address to which a page of another site has led.

    Args:
        origin: Scheme and Host header, which the guard has checked.
        target: Path and query, percent-encoded.
        cid: The request's CID.
    """
    url = escape(f"{origin}{target}")
    return _page(
        403,
        "Open this address?",
        f"<p>A page of another site leads here. To open this address calls a service on this machine:</p>"
        f'<p><code>{url}</code></p><p><a class="open" href="{url}">Open</a></p>',
        cid,
    )


def listing(origin: str, channels: Iterable[HTTPChannel | SocketAddress], cid: str) -> Answer:
    """What is open at this address.

    Args:
        origin: Scheme and Host header, which the guard has checked.
        channels: The active ones.
        cid: The request's CID.
    """
    rows = "".join(_row(origin, each) for each in sorted(channels, key=lambda channel: channel.path))
    shown = f"<table>{rows}</table>" if rows else "<p>No channel is open yet.</p>"
    return _page(200, "Open on this workbench", shown, cid)


def _row(origin: str, channel: HTTPChannel | SocketAddress) -> str:
    path, who = escape(channel.path), f"only {channel.security}" if channel.security else "anyone on this machine"
    # A browser that opens a WebSocket's address is shown the page by which to try it, which asks for credentials.
    is_socket = isinstance(channel, SocketAddress)
    methods = ("GET",) if isinstance(channel, SocketAddress) else channel.methods
    asked = (is_socket or not channel.security) and "{" not in channel.path and (not methods or "GET" in methods)
    shown = f'<a href="{escape(f"{origin}{channel.path}")}">{path}</a>' if asked else path
    how = "WebSocket" if isinstance(channel, SocketAddress) else " ".join(methods) or "every method"
    said = escape(mask(f"{how}, {who}"))
    return f'<tr><td><code>{shown}</code></td><td>{escape(channel.name)}</td><td class="faint">{said}</td></tr>'


def trying(name: str, key_header: str, cid: str) -> Answer:
    """The page by which a person tries a WebSocket channel: it connects to its own address.

    Args:
        name: The channel's.
        key_header: The header of a key that the page asks for, which goes into the first message; '' where it need not.
        cid: The request's CID.
    """
    key = f'<label>{escape(key_header)}<br><input name="key" type="password" autocomplete="off" required></label> '
    asks = (
        f'<form id="asks" data-header="{escape(key_header)}"{"" if key_header else " hidden"}>'
        f'<p>{key if key_header else ""}<button class="open">Connect</button></p></form>'
    )
    body = (
        f"<p>Each message is a call of the channel's service; what comes back is below.</p>{asks}"
        '<form id="says">'
        '<p><label>Message<br><textarea name="message" rows="4">{}</textarea></label></p>'
        '<p><button class="open" disabled>Send</button></p></form>'
        f'<ol id="said" role="log" aria-label="Messages"></ol><script>{_TRY}</script>'
    )
    return _page(200, f"Try {escape(mask(name))}", body, cid, _TRY_POLICY)


def _page(status: int, title: str, body: str, cid: str, policy: str = _POLICY) -> Answer:
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style>"
    headers = [("X-Zato-CID", cid), *_HEADERS, ("Content-Security-Policy", policy)]
    return Answer(status, headers, f"{page}<h2>{title}</h2>{body}</html>".encode())
