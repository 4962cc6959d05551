"""File names that somebody might choose to reach what is not theirs, to break a command, or to be taken for others."""

from __future__ import annotations

from itertools import product

ELSEWHERE = [
    "..", "../x", "../../x", "in/../../x", "in/..", "./../x", ".././x", "..//x", "x/../..", "a/b/../../../x", "/..",
    "/../x", "//..", "//host/share", "//host/share/x", "///tmp/x", "....//x/..", ".../../x",
    "../" * 40 + "tmp/x", "in/./../../x", "in//../../x", " /../x", "~/../x", "-/../x", "%2e/../x", "\u202e/../x",
]  # fmt: skip
BACKSLASHES = [
    "..\\x", "..\\..\\x", "\\x", "\\\\host\\share", "\\\\?\\C:\\x", "\\\\.\\COM1", "a\\b", "in/..\\..\\x", "x\\", "\\",
    "in\\..\\x", "C:\\x", "a\\/b",
]  # fmt: skip
DRIVES = ["C:", "c:x", "Z:x", "C:/x", "a:b", "C:..", "C:../x", "in/C:x"]
CONTROLS = [f"a{chr(code)}b" for code in [*range(0x20), 0x7F, *range(0x80, 0xA0, 3), 0x2028, 0x2029]]
LINES = [
    "a\r\nDELE b", "a\nQUIT", "a\rb", "a\r\n\r\n", "\r\nx", "x\r\n", "x\n", "x\0", "\0x", "x.txt\0.jpg",
    "\x1b[2Jx", "a\r\nHost: x", "in/a\r\nRNTO x", "\x7fx",
]  # fmt: skip
NO_TEXT = ["\udcff", "a\udc80b", "\udcc0\udcae\udcc0\udcae/x", "\udce0\udc80\udcaf", "x\ud800", "\udfffx"]
LONG = [
    "x" * 256,
    "x" * 4096,
    "é" * 128,
    "in/" + "x" * 256,
    "x" * 250 + ".part.x",
    "/".join(["x" * 200] * 6),
    "\U0001d4b3" * 64,
]
REFUSED = [*ELSEWHERE, *BACKSLASHES, *DRIVES, *CONTROLS, *LINES, *NO_TEXT, *LONG]
"""What our side uses for nothing, whoever says it."""

LOOKALIKES = [
    "\uff0e\uff0e", "\u2025", "\uff0e\uff0e\uff0fx", "..\u2215x", "..\u2044x", "..\uff3cx", "\u2024\u2024", "x\u2236y",
    "a\u00adb",
    "cafe\u0301", "caf\u00e9", "\u212b", "\u00c5", "\ufb01le", "\u0130", "\u0131", "\u00df", "\u200b..", "..\u200b",
    "\ufeff..", "a\u0338",
]  # fmt: skip
BIDI = ["invoice\u202efdp.exe", "\u202dx", "\u2066x\u2069", "\u200fx", "\u061cx"]
PERCENT = [
    "%2e%2e",
    "%2e%2e%2fx",
    "..%2fx",
    "%00",
    "a%0d%0ab",
    "%c0%ae%c0%ae",
    "%252e%252e",
    "%5cx",
    "a%",
    "%%",
    "+x+y",
]
ENDS = ["x ", "x.", "x. .", " x", "  ", "...", "x..", ".hidden", "....", "a b", "x\u00a0"]
DEVICES = ["CON", "con.txt", "NUL", "AUX", "PRN.log", "COM1", "LPT9", "CONIN$", "aux .txt"]
OPTIONS = [
    "-rf",
    "--",
    "-",
    "-la",
    "~",
    "~root",
    "~x",
    "$HOME",
    "$(id)",
    "`id`",
    "*",
    "?",
    "[a-z]",
    "{a,b}",
    "|x",
    ";x",
    "&x",
]
ODD = [
    "'",
    '"',
    "<x>",
    "a#b",
    "a?b=c",
    "a&b",
    "a;b",
    "a,b",
    "a=b",
    "a@b",
    "a^b",
    "!x",
    "xy: z",
    "\U0001f4a9",
    "\U000103ff",
]
OURS = [".x.00000000.part", ".claimed", "x.part", ".x.part", ".x.0000000g.part"]
ALLOWED = [*LOOKALIKES, *BIDI, *PERCENT, *ENDS, *DEVICES, *OPTIONS, *ODD, *OURS, "x" * 255, "é" * 127]
"""Odd, and harmless as long as it is taken exactly as it is written."""

NAMES = [*dict.fromkeys([*REFUSED, *ALLOWED])]
RAW = [
    *NAMES,
    *(before + name for before, name in product(("/", "in/", "/in/../../"), ("..", "../x", "x\0", "~", "-x"))),
]
"""What is said to servers without our client's help."""
