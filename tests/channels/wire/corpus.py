"""Requests that two readers could take in two ways, or that no reader may take, and what we make of each: as data.

The forms are those that are public of request smuggling (CL.TE, TE.CL, TE.TE, CL.0, chunk extensions and trailers, line
ends, HTTP/1.0, absolute targets, pipelines), written anew. What is right is RFC 9112's.
"""

from __future__ import annotations

from typing import NamedTuple

HELD = b"GET /canary?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""What an attacker hides behind a request, in the hope that it is taken for the next one."""


class Case(NamedTuple):
    """One case.

    Attributes:
        sent: All that a client sends.
        statuses: Of its answers, in order.
        goes_on: Whether the connection is open afterwards for the next request.
    """

    name: str
    sent: bytes
    statuses: tuple[int, ...]
    goes_on: bool


def _taken(name: str, sent: bytes, *statuses: int) -> Case:
    return Case(name, sent, statuses or (200,), True)


def _refused(name: str, sent: bytes, *before: int) -> Case:
    return Case(name, sent + HELD, (*before, 400), False)


def _post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((b"POST /echo HTTP/1.1", b"Host: localhost", *lines, b"", b"")) + body


def _get(*lines: bytes, line: bytes = b"GET /canary HTTP/1.1", host: bytes = b"Host: localhost") -> bytes:
    return b"\r\n".join((line, *((host,) if host else ()), *lines, b"", b""))


CHUNKED = b"Transfer-Encoding: chunked"
END = b"0\r\n\r\n"

_BOTH = [
    _refused(f"both lengths: {name}", _post(*lines, body=END))
    for name, lines in {
        "CL then TE": (b"Content-Length: 5", CHUNKED),
        "TE then CL": (CHUNKED, b"Content-Length: 5"),
        "CL 0 and TE": (b"Content-Length: 0", CHUNKED),
        "TE and CL 4": (CHUNKED, b"Content-Length: 4"),
        "TE and CL 6": (CHUNKED, b"Content-Length: 6"),
        "in lower case": (b"content-length: 5", b"transfer-encoding: chunked"),
        "in mixed case": (b"cONTENT-lENGTH: 5", b"tRANSFER-eNCODING: cHUNKED"),
        "far apart": (b"Content-Length: 5", *(b"X-%d: a" % number for number in range(50)), CHUNKED),
        "with identity": (b"Content-Length: 5", b"Transfer-Encoding: identity"),
        "with nothing": (b"Content-Length: 5", b"Transfer-Encoding:"),
        "with an unknown coding": (b"Content-Length: 5", b"Transfer-Encoding: x"),
    }.items()
]

_CODINGS = [
    _refused(f"coding {value!r}", _post(b"Transfer-Encoding:" + value, body=END))
    for value in (
        *(b"", b" ", b" x", b" xchunked", b" chunkedx", b" x-chunked", b" chunke", b" chunk", b" chunked chunked"),
        *(
            b" chunked, chunked",
            b" chunked,",
            b" chunked\t",
            b" ,chunked",
            b" chunked,identity",
            b" chunked, gzip",
            b" gzip",
        ),
        *(b" gzip, chunked", b" deflate, chunked", b" identity, chunked", b" identity", b" cow, chunked", b" trailers"),
        *(b' "chunked"', b" 'chunked'", b" chunked;", b" chunked;q=1", b" chunked;a=b", b" (chunked)", b" chu nked"),
        *(b" chunked\x00", b" \x00chunked", b" chunked\x0b", b" \x0bchunked", b" \x0cchunked", b" chunked\x0c"),
        *(b" chunked\x7f", b" \x08chunked", b" chunked\xa0", b" \xa0chunked", b" \x85chunked", b" chunked\xff"),
        *(
            b" chunked\r",
            b"\r chunked",
            b" chunked\n",
            b"\n chunked",
            b"\r\n chunked",
            b"\r\n\tchunked",
            b" \r\n chunked",
        ),
        *(b" chun\r\n ked", b" chunked\r\n ", b" chunked\r\r", b" %63hunked", b" =chunked", b" chunked=1", b" 5"),
        *(b" \xd1\x81hunked", b" chunk\xc3\xa9d", b" \xef\xbb\xbfchunked", b" \xe2\x80\x8bchunked", b" chunked\x1b[m"),
    )
] + [
    _taken(f"coding {value!r}", _post(b"Transfer-Encoding:" + value, body=END))
    for value in (b"chunked", b" chunked", b"\tchunked", b" chunked ", b" CHUNKED", b"  \t chunked  ")
]

_CODING_NAMES = [
    _refused(f"coding's name {name!r}", _post(name + b" chunked", body=END))
    for name in (
        *(b"Transfer-Encoding :", b"Transfer-Encoding\t:", b" Transfer-Encoding:", b"\tTransfer-Encoding:"),
        *(b"Transfer-Encoding\x00:", b"\x00Transfer-Encoding:", b"Transfer-Encoding\x0b:", b"Transfer-Encoding\xa0:"),
        *(b"Transfer-Encoding\r:", b"Transfer-Encoding\r\n:", b"Transfer-Encoding\n:", b"Transfer Encoding:"),
        *(b"Transfer-Encoding", b"Transfer-Encoding;", b"Transfer-Encoding=", b"Transfer-Encoding \r\n:"),
        *(
            b"Transfer-\r\n Encoding:",
            b"Transf\xc3\xa9r-Encoding:",
            b"(Transfer-Encoding):",
            b"X: a\rTransfer-Encoding:",
        ),
        *(
            b"X: a\nTransfer-Encoding:",
            b"X: a\n\rTransfer-Encoding:",
            b"X\n: a\r\nTransfer-Encoding:",
            b":Transfer-Encoding:",
        ),
        *(b"@Transfer-Encoding:", b"Transfer/Encoding:", b"\xefTransfer-Encoding:", b'"Transfer-Encoding":', b"[x]:"),
    )
] + [
    _refused("two codings", _post(CHUNKED, b"Transfer-Encoding: x", body=END)),
    _refused("two codings, the other way round", _post(b"Transfer-Encoding: x", CHUNKED, body=END)),
    _refused("chunked twice", _post(CHUNKED, CHUNKED, body=END)),
    _refused("chunked and identity", _post(CHUNKED, b"Transfer-Encoding: identity", body=END)),
]

_LENGTHS = [
    _refused(f"length {value!r}", _post(b"Content-Length:" + value, body=b"abcde"))
    for value in (
        *(
            b"",
            b" ",
            b" -5",
            b" +5",
            b" 5.0",
            b" 5e0",
            b" 0x5",
            b" 5_0",
            b" 5 5",
            b" 5,5",
            b" 5, 5",
            b" 5,6",
            b" ,5",
            b" 5,",
        ),
        *(
            b" five",
            b' "5"',
            b" 5;",
            b" 5 ;a=b",
            b" 5\x00",
            b" \x005",
            b" 5\x0b",
            b" \x0b5",
            b" \xa05",
            b" 5\xa0",
            b" 5\r",
        ),
        *(
            b" 5\r\n 0",
            b"\r\n 5",
            b" 5\n",
            b"\n 5",
            b" \xef\xbc\x95",
            b" \xd9\xa5",
            b" \xb2",
            b" " + b"9" * 19,
            b" " + b"9" * 400,
        ),
        *(b" 18446744073709551621", b" 4294967301 5", b" -0", b" +0", b" 0 0", b" 1e1", b" 0b101", b" 0o5", b" 5\x7f"),
    )
] + [
    _taken(f"length {value!r}", _post(b"Content-Length:" + value, body=b"abcde"))
    for value in (b"5", b" 5", b"\t5", b" 5 ", b" 5\t", b" 05", b" 000000000000000005")
]

_LENGTH_NAMES = [
    _refused(f"length's name {name!r}", _post(name + b" 5", body=b"abcde"))
    for name in (
        *(
            b"Content-Length :",
            b"Content-Length\t:",
            b" Content-Length:",
            b"Content-Length\x00:",
            b"Content-Length\r\n:",
        ),
        *(
            b"Content-Length\n:",
            b"Content Length:",
            b"Content-Length",
            b"Content-\r\n Length:",
            b"X: a\nContent-Length:",
        ),
    )
] + [
    _refused("two lengths alike", _post(b"Content-Length: 5", b"Content-Length: 5", body=b"abcde")),
    _refused("two lengths", _post(b"Content-Length: 5", b"Content-Length: 6", body=b"abcdef")),
    _refused("two lengths, one 0", _post(b"Content-Length: 0", b"Content-Length: 5", body=b"abcde")),
    _refused("two lengths in two cases", _post(b"content-length: 5", b"CONTENT-LENGTH: 6", body=b"abcdef")),
    _taken("a length that is none, by an underscore", _post(b"Content_Length: 5"), 200),
    _taken("a coding that is none, by an underscore", _post(b"Transfer_Encoding: chunked"), 200),
]

_CHUNKS = [
    _refused(f"chunks {body!r}", _post(CHUNKED, body=body))
    for body in (
        *(b"x\r\n", b"-1\r\na\r\n", b"+1\r\na\r\n", b"0x1\r\na\r\n", b"1 \r\na\r\n", b" 1\r\na\r\n", b"\t1\r\na\r\n"),
        *(
            b"1\na\r\n",
            b"1\r\na\n",
            b"1\ra\r\n",
            b"1\r\na\r0\r\n",
            b"1\r\nab\r\n",
            b"1\r\n\r\n\r\n",
            b"2\r\na\r\nb",
            b"\r\n1\r\na\r\n",
        ),
        *(
            b"\n0\r\n",
            b"1_0\r\n",
            b"1.0\r\n",
            b"1,1\r\n",
            b'"1"\r\n',
            b"\x001\r\na\r\n",
            b"1\x00\r\na\r\n",
            b"1\x0b\r\na\r\n",
        ),
        *(
            b"10000000000000000\r\n",
            b"ffffffffffffffff\r\n",
            b"ffffffffffffffffa\r\n",
            b"0" * 17 + b"1\r\na\r\n",
            b"1\xa0\r\na\r\n",
        ),
        *(
            b"1;\r\na\r\n",
            b"1; \r\na\r\n",
            b"1;a=\r\na\r\n",
            b"1;a=b\na\r\n",
            b"1;\na\r\n",
            b"1;a\r\r\na\r\n",
            b'1;a="b\r\na\r\n',
        ),
        *(
            b'1;a="\n"\r\na\r\n',
            b'1;a="\r"\r\na\r\n',
            b"1;a\x00\r\na\r\n",
            b"1;a=b\x00\r\na\r\n",
            b"1;a=b=c\r\na\r\n",
            b"1 ;a\r\na\r\n",
        ),
        *(b"1;=b\r\na\r\n", b"1;a b\r\na\r\n", b"1,a\r\na\r\n", b"1 a\r\na\r\n", b"1#a\r\na\r\n", b"1;a=(b)\r\na\r\n"),
        *(
            b"0\n\n",
            b"0\r\n\n",
            b"0\n\r\n",
            b"0\r\r\n",
            b"00\n\r\n",
            b"0 \r\n\r\n",
            b"0;\r\n\r\n",
            b"0;\n\r\n",
            b"0\r\nX\r\n\r\n",
        ),
        *(
            b"0\r\nX : y\r\n\r\n",
            b"0\r\n X: y\r\n\r\n",
            b"0\r\nX: y\n\r\n",
            b"0\r\nX: \x00\r\n\r\n",
            b"0\r\nX: y\r\n z\r\n\r\n",
        ),
        *(b"0\r\nContent-Length: 5\r\n\r\n", b"0\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\nHost: other\r\n\r\n"),
        *(
            b"0\r\n\rX\r\n\r\n",
            b"0\r\n: y\r\n\r\n",
            b"0\r\ncontent-length: 50\r\n\r\n",
            b"0\r\nX: y\r\r\n\r\n",
            b"0\r\nX\x00: y\r\n\r\n",
        ),
    )
] + [
    _taken(f"chunks {body!r}", _post(CHUNKED, body=body))
    for body in (
        *(
            b"1\r\na\r\n0\r\n\r\n",
            b"A\r\n0123456789\r\n0\r\n\r\n",
            b"a\r\n0123456789\r\n0\r\n\r\n",
            b"001\r\na\r\n000\r\n\r\n",
        ),
        *(
            b"1;a\r\na\r\n0\r\n\r\n",
            b"1;a=b\r\na\r\n0;c=d\r\n\r\n",
            b"1;a;b=c\r\na\r\n0\r\n\r\n",
            b'1;a="b;c"\r\na\r\n0\r\n\r\n',
        ),
        *(b'1;a="\\""\r\na\r\n0\r\n\r\n', b"0\r\nX: y\r\n\r\n", b"0\r\nX: y\r\nZ:\r\n\r\n", b"2\r\n\r\n\r\n0\r\n\r\n"),
        *(
            b"1\r\n\n\r\n1\r\n\r\r\n0\r\n\r\n",
            b"5\r\n0\r\n\r\n\r\n0\r\n\r\n",
            b'1;a=""\r\na\r\n0\r\n\r\n',
            b"1;a=b;a=c\r\na\r\n0\r\n\r\n",
        ),
    )
]

_LINES = [
    _refused(f"line {line!r}", _get(line=line))
    for line in (
        *(
            b"GET",
            b"GET ",
            b"GET /canary",
            b"GET /canary ",
            b"GET /canary HTTP",
            b"GET /canary HTTP/",
            b"GET /canary HTTP/1",
        ),
        *(
            b"GET /canary HTTP/1.",
            b"GET /canary HTTP/.1",
            b"GET /canary HTTP/1.1.1",
            b"GET /canary HTTP/11",
            b"GET /canary HTTP/01.1",
        ),
        *(
            b"GET /canary HTTP/1.01",
            b"GET /canary HTTP/1.2",
            b"GET /canary HTTP/2.0",
            b"GET /canary HTTP/0.9",
            b"GET /canary HTTP/3",
        ),
        *(
            b"GET /canary http/1.1",
            b"GET /canary HTTP/1,1",
            b"GET /canary HTTP/1.1 ",
            b"GET /canary HTTP/1.1x",
            b"GET /canary HTTP /1.1",
        ),
        *(b"GET  /canary HTTP/1.1", b"GET /canary  HTTP/1.1", b" GET /canary HTTP/1.1", b"GET\t/canary HTTP/1.1"),
        *(
            b"GET /canary\tHTTP/1.1",
            b"GET\x00/canary HTTP/1.1",
            b"GET /canary\x00 HTTP/1.1",
            b"GET /can\x00ary HTTP/1.1",
        ),
        *(b"GET /can ary HTTP/1.1", b"GET /can\rary HTTP/1.1", b"GET /can\nary HTTP/1.1", b"GET /can\x7fary HTTP/1.1"),
        *(
            b"GET /canary\x0bHTTP/1.1",
            b"GET\x0c/canary HTTP/1.1",
            b"GE(T) /canary HTTP/1.1",
            b"G\x00T /canary HTTP/1.1",
        ),
        *(
            b"G\xc3\xa9T /canary HTTP/1.1",
            b"GET: /canary HTTP/1.1",
            b"/canary HTTP/1.1",
            b"GET canary HTTP/1.1",
            b"GET * HTTP/1.1",
        ),
        *(
            b"\x00GET /canary HTTP/1.1",
            b"\rGET /canary HTTP/1.1",
            b"\nGET /canary HTTP/1.1",
            b"\xef\xbb\xbfGET /canary HTTP/1.1",
        ),
        *(
            b"GET /canary RTSP/1.0",
            b"SOURCE /canary ICE/1.0",
            b"PRI * HTTP/2.0",
            b"HTTP/1.1 200 OK",
            b"CONNECT localhost:80 HTTP/1.1",
        ),
        *(
            b"GET http://other/canary HTTP/1.1",
            b"GET http://localhost@other/canary HTTP/1.1",
            b"GET http:///canary HTTP/1.1",
        ),
        *(b"GET ftp://localhost/canary HTTP/1.1", b"GET localhost:80 HTTP/1.1", b"GET http://other:80/canary HTTP/1.1"),
        *(
            b"GET http://localhost.other/canary HTTP/1.1",
            b"GET http://localhost#@other/canary HTTP/1.1",
            b"GET ?canary HTTP/1.1",
        ),
        *(
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\x80\x2e\x01\x00\x02",
            b"SSH-2.0-x",
            b"{}",
            b"GET /canary HTTP/1.1\n",
        ),
    )
] + [
    _taken(f"line {line!r}", _get(line=line), status)
    for line, status in (
        *(
            (b"GET /canary HTTP/1.1", 200),
            (b"\r\nGET /canary HTTP/1.1", 200),
            (b"\r\n\r\n\r\nGET /canary HTTP/1.1", 200),
        ),
        *((b"GET http://localhost/canary HTTP/1.1", 200), (b"GET HTTP://LOCALHOST:99/canary HTTP/1.1", 200)),
        *(
            (b"get /canary HTTP/1.1", 405),
            (b"OPTIONS * HTTP/1.1", 404),
            (b"GET //canary HTTP/1.1", 404),
            (b"BREW /canary HTTP/1.1", 405),
        ),
        *((b"GET /canary?a=/../b;c HTTP/1.1", 200), (b"GET /c\xc3\xa9 HTTP/1.1", 404), (b"GET /%00 HTTP/1.1", 404)),
    )
]

_HEADERS = [
    _refused(f"header {line!r}", _get(line))
    for line in (
        *(
            b"X",
            b"X Y: z",
            b"X : y",
            b"X\t: y",
            b" X: y",
            b"\tX: y",
            b": y",
            b":",
            b"X\x00: y",
            b"X\x7f: y",
            b"X\xe9: y",
            b"(X): y",
        ),
        *(
            b"X/Y: z",
            b"X[]: y",
            b"X{}: y",
            b"X@: y",
            b"X=: y",
            b"X?: y",
            b'"X": y',
            b"X,: y",
            b"X;: y",
            b"X<>: y",
            b"X\\: y",
        ),
        *(
            b"X: \x00",
            b"X: a\x00b",
            b"X: a\x01b",
            b"X: a\x08b",
            b"X: a\x0bb",
            b"X: a\x0cb",
            b"X: a\x1fb",
            b"X: a\x7fb",
            b"X: a\x1b[2J",
        ),
        *(
            b"X: a\rb",
            b"X: a\r",
            b"X: \r",
            b"X: a\nb",
            b"X: a\n",
            b"X: a\nY: b",
            b"X: a\rY: b",
            b"X: a\n\r\nY: b",
            b"X: a\r\r\nY: b",
        ),
        *(
            b"X: a\r\n b",
            b"X: a\r\n\tb",
            b"X: a\r\n ",
            b"X:\r\n a",
            b"X: a\r\n \r\n b",
            b"Host: localhost",
            b"host: other",
            b"HOST : x",
        ),
    )
] + [
    _refused("bare LF everywhere", b"GET /canary HTTP/1.1\nHost: localhost\n\n"),
    _refused("bare LF at the end", b"GET /canary HTTP/1.1\r\nHost: localhost\r\n\n"),
    _refused("bare CR at the end", b"GET /canary HTTP/1.1\r\nHost: localhost\r\n\r\r\n\r\n"),
    _refused("a space before the first header", b"GET /canary HTTP/1.1\r\n Host: localhost\r\n\r\n"),
    *(
        _taken(f"header {line!r}", _get(line))
        for line in (
            b"X:",
            b"X: ",
            b"X:\t",
            b"X:a",
            b"X: \xe9",
            b"X: \xff\x80",
            b"!#$%&'*+-.^_`|~9: a",
            b"X: a\tb",
            b"X: : :",
            b"X: \t a \t",
        )
    ),
    _taken("a second X", _get(b"X: a", b"x: b")),
]

_OLD = [
    _refused(
        "chunks in HTTP/1.0", b"POST /echo HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    _refused(
        "chunks in HTTP/1.0 that is kept",
        b"POST /echo HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n" + CHUNKED + b"\r\n\r\n" + END,
    ),
    _refused(
        "both in HTTP/1.0",
        b"POST /echo HTTP/1.0\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    Case("HTTP/1.0 ends", b"GET /canary HTTP/1.0\r\nHost: localhost\r\n\r\n" + HELD, (200,), False),
    Case(
        "HTTP/1.0 with a body ends",
        b"POST /echo HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab" + HELD,
        (200,),
        False,
    ),
    _taken("HTTP/1.0 is kept", b"GET /canary HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n"),
    Case("what comes behind close", _get(b"Connection: close") + HELD, (200,), False),
    Case(
        "what comes behind close of a body",
        _post(b"Connection: close", b"Content-Length: 2", body=b"ab") + HELD,
        (200,),
        False,
    ),
]

_BODIES = [
    _taken("a GET with a body", _get(b"Content-Length: 5") + b"GET /"),
    _taken("a GET with chunks", _get(CHUNKED) + b"5\r\nGET /\r\n0\r\n\r\n"),
    _taken("a hidden request in a body", _post(b"Content-Length: %d" % len(HELD), body=HELD)),
    _taken("a hidden request in a chunk", _post(CHUNKED, body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(HELD), HELD))),
    _taken("a hidden end in a chunk", _post(CHUNKED, body=b"b\r\n\r\n0\r\n\r\n\r\n\r\n\r\n0\r\n\r\n")),
    _taken(
        "an unknown path with a body",
        b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(HELD) + HELD,
        404,
    ),
    _taken(
        "a wrong method with a body",
        b"PUT /canary HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(HELD) + HELD,
        405,
    ),
    _taken("a method in a header", _post(b"X-HTTP-Method-Override: DELETE", b"Content-Length: 2", body=b"ab")),
    _taken("a length in a header of its own", _post(b"X-Content-Length: 50", b"Content-Length: 2", body=b"ab")),
    _taken(
        "an upgrade that nobody takes",
        _get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
    ),
    _taken(
        "an upgrade with a body",
        _post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: %d" % len(HELD), body=HELD),
    ),
    _taken(
        "a pipeline",
        _get() + _post(b"Content-Length: 2", body=b"ab") + _get() + _post(CHUNKED, body=END),
        200,
        200,
        200,
        200,
    ),
    _taken("a pipeline with an empty line between", _get() + b"\r\n" + _get(), 200, 200),
    _refused("a pipeline whose second is none", _get() + b"GET /canary\r\n\r\n", 200),
    _refused("a body that is longer than it says", _post(b"Content-Length: 2", body=b"abc\r\n\r\n"), 200),
    _refused("a header that closes and a body behind", _post(b"Content-Length: 2", body=b"ab") + b"\x00", 200),
    _taken("no host", _get(host=b""), 400),
    _taken("an empty host", _get(host=b"Host:"), 400),
    *(
        _taken(f"a host with the port {port!r}", _get(host=b"Host: localhost:" + port), 400)
        for port in (b"x", b" 1", b"-1")
    ),
    *(_taken(f"a host with the port {port!r}", _get(host=b"Host: localhost:" + port)) for port in (b"", b"1", b"080")),
    _taken("a foreign host", _get(host=b"Host: other"), 403),
    _taken("a host with a slash", _get(host=b"Host: localhost/x"), 403),
    _taken("a host with a user", _get(host=b"Host: x@localhost"), 403),
    _taken("a host with a comma", _get(host=b"Host: localhost, other"), 403),
    _refused("two hosts", _get(b"Host: other")),
]

CASES = (*_BOTH, *_CODINGS, *_CODING_NAMES, *_LENGTHS, *_LENGTH_NAMES, *_CHUNKS, *_LINES, *_HEADERS, *_OLD, *_BODIES)
