"""What callers may put into the body, the query and the messages of each kind of channel, right and wrong ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes
from xml.sax.saxutils import escape, quoteattr

Chance = random.Random

TEXTS = (
    *("", "a", "1", "-1", "0x1", "1e999", "true", "null", "NaN", "2026-11-29", "2026-02-30T25:61", "x" * 5_000, "\x00"),
    *(
        "\ud800",
        "\u202e",
        "\ufffe",
        "\x1b[0m",
        "łódź",
        "😀",
        "'\"<>&;",
        "]]>",
        "${jndi:x}",
        "../../etc",
        "a\r\nX: y",
        "%00",
    ),
)
NAMES = (
    *(
        "id",
        "lines",
        "sku",
        "count",
        "note",
        "tags",
        "is_new",
        "colours",
        "day",
        "share",
        "label",
        "name",
        "age",
        "most",
    ),
    *(
        "address",
        "rows",
        "street",
        "zip_code",
        "jsonrpc",
        "method",
        "params",
        "meta",
        "data",
        "",
        "a",
        "__class__",
        "é",
        "@a",
    ),
)
FITTING: dict[str, dict[str, Any]] = {
    "shop.order.take": {"id": 1, "lines": [{"sku": "a", "count": 2}], "note": None, "tags": ["x"]},
    "shop.find": {"sku": "a", "most": 3},
    "shop.profile.save": {"name": "Ada", "age": 3},
    "shop.elements": {"id": "1", "is_new": "true", "label": "x", "colours": "a,b", "day": "2026-11-29", "share": "1.5"},
    "shop.nested": {"address": {"street": "s", "zip_code": "1"}, "rows": [{"sku": "a"}]},
    "says": {"data": [1, "a", {"@id": 2}]},
}
"""What each service takes."""
SERVICES = (*FITTING,)
NUMBERS = (0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.0, -0.0, 1e308, 5e-324, 1.5)

PART_HEADERS = (
    *(b"Content-Type: text/plain; charset=utf-16", b"Content-Type: image/png", b"Content-Transfer-Encoding: base64"),
    *(b"X: " + b"y" * 9_000, b"Content-Transfer-Encoding: 8bit", b"Content-Disposition: form-data", b"\xff: \xff"),
)


class Request(NamedTuple):
    """One request, but for its Host and length."""

    line: str
    headers: tuple[str, ...]
    body: bytes


def text(chance: Chance) -> str:
    """A text of a few characters, or one that is known to hurt."""
    if chance.random() < 0.5:
        return chance.choice(TEXTS)
    return "".join(
        chr(chance.choice((chance.randrange(32, 127), chance.randrange(0x2FFF)))) for _ in range(chance.randrange(8))
    )


def value(chance: Chance, depth: int = 0) -> Any:
    """A value of JSON."""
    kind = chance.random()
    if depth > 3 or kind < 0.5:
        return chance.choice((text(chance), chance.choice(NUMBERS), True, False, None, chance.randrange(100)))
    if kind < 0.7:
        return [value(chance, depth + 1) for _ in range(chance.randrange(5))]
    return {chance.choice(NAMES): value(chance, depth + 1) for _ in range(chance.randrange(6))}


def asked(chance: Chance) -> tuple[str, dict[str, Any]]:
    """A service, and nearly what it takes."""
    service = chance.choice(SERVICES)
    whole = FITTING[service]
    if chance.random() < 0.4:
        return service, whole
    return service, {name: each if chance.random() < 0.7 else value(chance, 1) for name, each in whole.items()}


def encoded(chance: Chance, said: Any) -> bytes:
    """As JSON, which is damaged at times."""
    made = json.dumps(said, ensure_ascii=chance.random() < 0.5).encode(errors="surrogatepass")
    return damaged(chance, made) if chance.random() < 0.25 else made


def damaged(chance: Chance, made: bytes) -> bytes:
    """With a few bytes taken out, put in, doubled or changed."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(made) + 1)
        end = min(len(made), at + chance.randrange(8))
        put = (
            b"",
            made[at:end] * 2,
            bytes([chance.randrange(256)]),
            chance.choice((b"[" * 2_000, b"\xff", b"\x00", b"9" * 400)),
        )
        made = made[:at] + chance.choice(put) + made[end:]
    return made


def json_rpc(chance: Chance) -> Request:
    """A call, a batch, or neither."""

    def call() -> Any:
        service, params = asked(chance)
        made: dict[str, Any] = {"jsonrpc": "2.0", "id": chance.choice((1, "a", None, 1.5)), "method": service}
        made["params"] = params if chance.random() < 0.8 else value(chance)
        for name in [*made]:
            if chance.random() < 0.08:
                made[name] = value(chance)
            elif chance.random() < 0.05:
                del made[name]
        return made

    said = chance.choices((call(), [call() for _ in range(chance.randrange(4))], value(chance)), (6, 3, 1))[0]
    return Request("POST /rpc", ("Content-Type: application/json",), encoded(chance, said))


def soap(chance: Chance) -> Request:
    """An envelope of either version, or something like it."""
    version = chance.choice(
        ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope", "urn:x", "")
        if chance.random() < 0.1
        else ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
    )
    service, params = asked(chance)
    inside = _element(chance, params if chance.random() < 0.8 else value(chance), chance.choice(("take", "a:b", "t")))
    header = chance.choice(("", "<e:Header/>", "<e:Header><x>1</x></e:Header>"))
    prolog = chance.choice(("", "", "", '<?xml version="1.0"?>'))
    if chance.random() < 0.05:
        prolog = chance.choice(('<?xml version="1.0" encoding="utf-16"?>', "<!DOCTYPE e>", "<?xml?>", "\ufeff"))
    made = f'{prolog}<e:Envelope xmlns:e="{version}" xmlns:a="urn:a">{header}<e:Body>{inside}</e:Body></e:Envelope>'
    body = made.encode(errors="replace")
    kind = chance.choice(("text/xml", "application/soap+xml; charset=utf-8", "application/json"))
    headers = (f"Content-Type: {kind}", 'SOAPAction: "x"')
    return Request(f"POST /soap/{service}", headers, damaged(chance, body) if chance.random() < 0.15 else body)


def _element(chance: Chance, said: Any, name: str) -> str:
    name = name if name.replace(":", "").isidentifier() and name.isascii() else "x"
    extra, attribute = chance.choice(("", "", "", "<!-- c -->", "<![CDATA[<&]]>", "&#233;", "&lt;")), ""
    if chance.random() < 0.02:
        extra = chance.choice(("<?p i?>", "&#0;", "&nope;", "]]>", "<x"))
    if chance.random() < 0.1:
        attribute = chance.choice(
            (" a='&quot;'", " xmlns='urn:y'", " xml:lang='x'", " a:b='1'", f" a={quoteattr(text(chance))}")
        )
    if isinstance(said, dict):
        several = [
            (name, each) for name, value in said.items() for each in (value if isinstance(value, list) else [value])
        ]
        inside = "".join(_element(chance, each, name) for name, each in several)
    elif isinstance(said, list):
        inside = "".join(_element(chance, each, "line") for each in said)
    else:
        inside = escape("".join(each for each in str(said)[:500] if each.isprintable()))
    return f"<{name}{attribute}>{inside}{extra}</{name}>"


def multipart(chance: Chance) -> Request:
    """A form in parts, for a service that declares its input or one that shows all it got."""
    boundary = chance.choice(("X", "----WebKitFormBoundaryabc", "'()+_,-./:=?", "a" * 70))
    service, fields = asked(chance)
    parts = [_part(chance, name, each) for name, each in fields.items()]
    parts += [_part(chance, chance.choice(NAMES), value(chance, 2)) for _ in range(chance.choice((0, 0, 1, 3)))]
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), each) for each in parts) + f"--{boundary}--\r\n".encode()
    if chance.random() < 0.15:
        body = damaged(chance, body)
    said = f'multipart/form-data; boundary="{boundary}"'
    if chance.random() < 0.05:
        said = chance.choice(
            ("multipart/form-data", "multipart/form-data; boundary=", "Multipart/Form-Data; boundary=Y; x")
        )
    return Request(f"POST /form/{service}", (f"Content-Type: {said}",), body)


def _part(chance: Chance, name: str, said: Any) -> bytes:
    disposition, lines = b'form-data; name="%b"', list[bytes]()
    if chance.random() < 0.2:
        disposition = chance.choice(
            (
                b'form-data; name="%b"; filename="a.bin"',
                b"form-data; name=%b; filename*=UTF-8''%%e2%%82%%ac.txt",
                b'form-data; name="%b"; filename=""',
                b'form-data; name="%b"; filename="..\\..\\a\\"b"',
            )
        )
    if chance.random() < 0.05:
        disposition = chance.choice(
            (
                b"form-data; name*=nope''%b",
                b'form-data; name*0="%b"; name*1=b',
                b'attachment; name="%b"',
                b"form-data; %b",
                b"form-data; name*=UTF-8''%%ff%b",
            )
        )
    if chance.random() < 0.1:
        lines = chance.sample(PART_HEADERS, chance.choice((1, 2)))
    body = said.encode(errors="surrogatepass") if isinstance(said, str) else encoded(chance, said)
    return b"\r\n".join((b"Content-Disposition: " + disposition % name.encode(), *lines, b"", body))


def message(chance: Chance) -> str | bytes:
    """A message of a WebSocket, as it is or with what Zato's clients put around it."""
    said = asked(chance)[1] if chance.random() < 0.6 else value(chance)
    if chance.random() < 0.4:
        meta = {"id": value(chance, 3), "action": chance.choice(("invoke-service", "nope"))}
        said = {"meta": chance.choice((meta, {}, {"id": "a"}, 1)), "data": said}
    made = encoded(chance, said)
    return made if chance.random() < 0.1 else made.decode(errors="replace")


def mounted(chance: Chance) -> Request:
    """A request for a handler of Tornado's own kind."""
    path = chance.choice(
        ("/x/page", "/x/page/", f"/x/{quote_from_bytes(chance.randbytes(4))}", "/x/files/a.txt", "/x/files/../a")
    )
    query = "&".join(
        f"{chance.choice(('a', 'b'))}={quote_from_bytes(chance.randbytes(3))}" for _ in range(chance.randrange(3))
    )
    method = chance.choice(("GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH"))
    headers = chance.sample(
        (
            *("Range: bytes=2-1", "Range: bytes=-0", "Range: items=1", "If-None-Match: x", "If-Modified-Since: never"),
            *('Cookie: a="\\1"; =; b', "Accept-Encoding: gzip", "Content-Type: application/x-www-form-urlencoded"),
            *("Content-Type: multipart/form-data; boundary=X", "Content-Type: application/json", "X-Real-Ip: x"),
        ),
        chance.randrange(4),
    )
    body = chance.choice((b"", chance.randbytes(30), b"a=%ff&b", encoded(chance, value(chance)), b"--X\r\n\r\n--X--"))
    return Request(
        f"{method} {path}{'?' if query else ''}{query}", tuple(headers), b"" if method in ("GET", "HEAD") else body
    )


REQUESTS: dict[str, Callable[[Chance], Request]] = {
    "JSON-RPC": json_rpc,
    "SOAP": soap,
    "multipart": multipart,
    "mounted": mounted,
}
