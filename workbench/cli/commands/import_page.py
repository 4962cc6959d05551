"""The report of `workbench import-zato` as one page that needs nothing else: nothing on it runs or is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from workbench.core.payload.differences import DIFFERENCES

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
# Colours of text and ground: 4.5 to 1 at least, light and dark (WCAG 2.2, 1.4.3).
_CSS = """
:root { color-scheme: light dark; --ink: #1f2328; --faint: #57606a; --ground: #fff; --line: #d8dde4; --code: #f6f8fa;
  --good: #116329; --good-ground: #e6f4ea; --bad: #a40e26; --bad-ground: #fde8ea; --calm-ground: #eef1f4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --faint: #a9b0ba; --ground: #14171c; --line: #343a44;
  --code: #1f242c; --good: #7ee2a0; --good-ground: #173324; --bad: #ff9aa5; --bad-ground: #43191f;
  --calm-ground: #232833; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); overflow-wrap: anywhere;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 20px 16px 48px; }
h1 { font-size: 1.5em; margin: 0.2em 0; } h2 { font-size: 1.1em; margin: 1.6em 0 0.4em; }
p { margin: 0.3em 0; } .faint { color: var(--faint); }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; color: var(--faint); }
td, th { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { min-width: 13em; } code { background: var(--code); border-radius: 4px; padding: 1px 4px;
  font: 13px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.chip { border-radius: 9px; padding: 1px 9px; font-weight: 600; white-space: nowrap; }
.good { background: var(--good-ground); color: var(--good); } .bad { background: var(--bad-ground); color: var(--bad); }
.calm { background: var(--calm-ground); color: var(--faint); }
summary { cursor: pointer; color: var(--faint); margin: 0.4em 0; } li { margin: 0.25em 0; }
@media (max-width: 600px) { td, th { display: block; border: 0; padding: 1px 0; } th { display: none; }
  tr { display: block; border-bottom: 1px solid var(--line); padding: 6px 0; } }
"""


def page_of(told: Mapping[str, Any]) -> str:
    """The page.

    Args:
        told: What `Imported.told` gives.
    """
    title = f"{told['folder']} on the workbench"
    unset = [f"Nobody has set {each}. Fix: set it in the environment or in .env." for each in told["unset"]]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{_chip('all live', 'good') if told['whole'] else _chip('not all live', 'bad')} {escape(told['said'])}</p>",
        _section("Files", _table(("file", "", "what is in it"), map(_file, told["files"]))),
        _section("Not live", _list(told["failed"])),
        _section("Missing, and what to write instead", _list(told["missing"])),
        _section("Variables to set", _list(unset)),
        _section("Left out", _list(told["left_out"])),
        _section("Otherwise here, in what these files do", _differences(told["differs"])),
        f"<h2>Everything that differs</h2><details><summary>{len(DIFFERENCES)} names and ways</summary>",
        f"{_differences([row._asdict() for row in DIFFERENCES])}</details>",
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head>\n<body><main>\n"
        + "\n".join(each for each in parts if each)
        + "\n</main></body></html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>{body}" if body else ""


def _file(row: Mapping[str, Any]) -> Sequence[str]:
    """A file, how it stands, and what it has."""
    if row["failed"]:
        chips = [_chip("live in part" if row["brought"] else "not live", "bad")]
    else:
        chips = [_chip("live", "good") if row["brought"] else _chip(row["kind"], "calm")]
    chips += [_chip(f"{len(row['missing'])} missing", "bad")] if row["missing"] else []
    return _code(row["file"]), " ".join(chips), ", ".join(map(_code, row["brought"]))


def _differences(rows: Sequence[Mapping[str, Any]]) -> str:
    return _table(
        ("name", "what differs", "what to write"),
        ((_code(row["name"]), escape(row["differs"]), _code(row["instead"]) if row["instead"] else "") for row in rows),
    )


def _list(said: Sequence[str]) -> str:
    """Sentences, each with what to do on a line of its own."""
    items = []
    for each in said:
        what, _, fix = each.partition(" Fix: ")
        items.append(f"<li>{escape(what)}{f'<br><span class=faint>Fix:</span> {escape(fix)}' if fix else ''}</li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _chip(word: str, mood: str) -> str:
    return f'<span class="chip {mood}">{escape(word)}</span>'


def _code(text: object) -> str:
    return f"<code>{escape(str(text))}</code>"
