"""IMAP4rev1 as a server speaks it (RFC 3501, with UIDPLUS, MOVE, IDLE, LITERAL+, STARTTLS), for one client."""

from __future__ import annotations

import asyncio
import base64
import inspect
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from workbench.sandbox.imap.box import Box
from workbench.sandbox.imap.fetch import PART, item_of, literal, part_label, part_of
from workbench.sandbox.imap.store import Bad, Folder, Kept, Search, numbers

MOST_BYTES = 64 << 20
LITERAL = re.compile(rb"\{(\d+)(\+?)\}$")
TOKEN = re.compile(rb' *(\(|\)|"(?:[^"\\]|\\.)*"|\x00(\d+)\x00|[^\s()"]*\[[^\]]*\](?:<[\d.]+>)?|[^\s()"]+)')
CAPABILITIES = "IMAP4rev1 LITERAL+ UIDPLUS MOVE IDLE ID NAMESPACE UNSELECT"
KEPT_FLAGS = "\\Answered \\Flagged \\Deleted \\Seen \\Draft"


class No(Exception):
    """A command that cannot be done."""


class Talk:
    """The conversation with one client."""

    def __init__(self, box: Box, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.box, self.reader, self.writer = box, reader, writer
        self.user = ""
        self.folder: Folder | None = None
        self.is_read_only = False
        self.view: list[Kept] = []
        self._literals: list[bytes] = []
        self._over = self._is_starting = False

    async def run(self) -> None:
        """Talk until one of both leaves."""
        self.say(f"* OK [CAPABILITY {self._able()}] workbench sandbox ready")
        while not self._over:
            await self.writer.drain()
            line = await self._line()
            if line is None:
                return
            tag, _, rest = line.partition(b" ")
            word = rest.partition(b" ")[0].decode("latin-1").upper()
            try:
                said = await self._command(word, rest[len(word) :])
                self.say(f"{tag.decode('latin-1')} OK {said or f'{word} done'}")
            except No as exc:
                self.say(f"{tag.decode('latin-1')} NO {exc}")
            except (Bad, ValueError, IndexError) as exc:
                self.say(f"{tag.decode('latin-1')} BAD {exc}")
            if word == "STARTTLS" and self._is_starting:
                await self._encrypt()
        await self.writer.drain()

    def say(self, line: str | bytes) -> None:
        """Send one line."""
        self.writer.write((line.encode("utf-8", "replace") if isinstance(line, str) else line) + b"\r\n")

    async def _line(self) -> bytes | None:
        """One command; its literals are taken out, and stand in it as their number between NULs."""
        self._literals, self._is_starting = [], False
        line = b""
        while True:
            try:
                part = (await self.reader.readuntil(b"\n")).rstrip(b"\r\n").replace(b"\x00", b"")
            except asyncio.IncompleteReadError:
                return None
            found = LITERAL.search(part)
            if found is None:
                return line + part
            size = int(found[1])
            if size > MOST_BYTES:
                self.say("* BYE that is too long")
                return None
            if not found[2]:
                self.say("+ go on")
                await self.writer.drain()
            self._literals.append(await self.reader.readexactly(size))
            line += part[: found.start()] + b"\x00%d\x00" % (len(self._literals) - 1)

    def _tokens(self, text: bytes) -> list[Any]:
        """Words, texts and lists of a command."""
        if self.box.dialect.is_7bit and not text.isascii():
            raise Bad("Could not parse command")
        stack: list[list[Any]] = [[]]
        at = 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if found is None:
                raise Bad("a quote is not closed")
            at = found.end()
            token = found[1]
            if token == b"(":
                stack.append([])
            elif token == b")":
                if len(stack) < 2:
                    raise Bad("a bracket closes nothing")
                last = stack.pop()
                stack[-1].append(last)
            elif found[2] is not None:
                stack[-1].append(self._literals[int(found[2])].decode("utf-8", "surrogateescape"))
            else:
                word = re.sub(rb"\\(.)", rb"\1", token[1:-1]) if token[:1] == b'"' else token
                stack[-1].append(word.decode("utf-8", "surrogateescape"))
        if len(stack) > 1:
            raise Bad("a bracket is not closed")
        return stack[0]

    async def _command(self, word: str, text: bytes) -> str:
        by_uid = word == "UID"
        args = self._tokens(text)
        if by_uid:
            word = str(args.pop(0)).upper()
        if trouble := self.box.refuses(word):
            raise No(trouble)
        method: Callable[..., Any] | None = getattr(self, f"do_{word.lower()}", None)
        if method is None or (by_uid and word not in ("SEARCH", "FETCH", "STORE", "COPY", "MOVE", "EXPUNGE")):
            raise Bad(f"{word[:40]} is not spoken here")
        if not self.user and word not in ("CAPABILITY", "NOOP", "LOGOUT", "LOGIN", "AUTHENTICATE", "STARTTLS", "ID"):
            raise No("log in first")
        more = {"by_uid": True} if by_uid else {}
        try:
            inspect.signature(method).bind(*args, **more)
        except TypeError as exc:
            raise Bad(f"{word}: {exc}") from exc
        result: str | Awaitable[str] | None = method(*args, **more)
        said = await result if result is not None and not isinstance(result, str) else result
        if word not in ("FETCH", "STORE", "SEARCH") or by_uid:
            self._catch_up()
        return said or ""

    # Any time
    def _able(self) -> str:
        may_encrypt = self.writer.get_extra_info("ssl_object") is None and not self.box.is_ssl
        return CAPABILITIES + (" AUTH=PLAIN" if self.box.dialect.knows_plain else "") + " STARTTLS" * may_encrypt

    def do_capability(self) -> None:
        self.say(f"* CAPABILITY {self._able()}")

    def do_noop(self) -> None:
        """Nothing, but to be told of changes."""

    do_check = do_noop

    def do_id(self, *_: Any) -> None:
        self.say('* ID ("name" "workbench")')

    def do_logout(self) -> None:
        self.say("* BYE")
        self._over = True

    def do_starttls(self) -> str:
        if "STARTTLS" not in self._able():
            raise No("TLS is on already")
        self._is_starting = True
        return "begin"

    async def _encrypt(self) -> None:
        await self.writer.drain()
        await self.writer.start_tls(self.box.certificate())

    def do_login(self, user: str, password: str) -> str:
        if not self.box.admits(user, password):
            raise No("[AUTHENTICATIONFAILED] wrong user name or password")
        self.user = user
        return f"[CAPABILITY {self._able()}] welcome"

    async def do_authenticate(self, how: str, given: str = "") -> str:
        if how.upper() != "PLAIN" or not self.box.dialect.knows_plain:
            raise No(f"{how[:20]} is not spoken here")
        if not given:
            self.say("+ ")
            await self.writer.drain()
            given = (await self.reader.readuntil(b"\n")).decode("latin-1").strip()
        _, user, password = base64.b64decode(given).decode().split("\0")
        return self.do_login(user, password)

    # Folders
    def do_namespace(self) -> None:
        self.say('* NAMESPACE (("" "/")) NIL NIL')

    def do_list(self, root: str, pattern: str) -> None:
        if not pattern:
            self.say('* LIST (\\Noselect) "/" ""')
            return
        wanted = re.escape(root + pattern).replace(r"\*", ".*").replace("%", "[^/]*")
        flags = dict.fromkeys(self._parents(), "\\HasChildren \\Noselect")
        for name, flag in {**flags, **dict.fromkeys(self.box.folders, "\\HasNoChildren")}.items():
            if re.fullmatch(wanted, name, re.IGNORECASE if name == "INBOX" else 0):
                self.say(f'* LIST ({flag}) "/" {quoted(name)}')

    def _parents(self) -> list[str]:
        """What is listed and cannot be opened, since it only holds other folders."""
        if not self.box.dialect.parent:
            return []
        return list(dict.fromkeys(name.rpartition("/")[0] for name in self.box.folders if "/" in name))

    do_lsub = do_list

    def do_create(self, name: str) -> None:
        if name in self.box.folders:
            raise No("[ALREADYEXISTS] it is there already")
        self.box.make_folder(name)

    def do_delete(self, name: str) -> None:
        self._named(name)
        if name.upper() == "INBOX":
            raise No("INBOX stays")
        del self.box.folders[name]

    def do_rename(self, old: str, new: str) -> None:
        if new in self.box.folders:
            raise No("[ALREADYEXISTS] it is there already")
        self.box.folders[new] = self._named(old)
        del self.box.folders[old]

    def do_subscribe(self, name: str) -> None:
        self._named(name)

    do_unsubscribe = do_subscribe

    def do_status(self, name: str, items: list[str]) -> None:
        folder = self._named(name)
        told = {
            "MESSAGES": len(folder.mails),
            "RECENT": 0,
            "UIDNEXT": folder.uidnext,
            "UIDVALIDITY": folder.validity,
            "UNSEEN": sum("\\Seen" not in each.flags for each in folder.mails),
        }
        words = " ".join(f"{item.upper()} {told[item.upper()]}" for item in items if item.upper() in told)
        self.say(f"* STATUS {quoted(name)} ({words})")

    def _named(self, name: str) -> Folder:
        folder = self.box.folders.get("INBOX" if name.upper() == "INBOX" else name)
        if folder is None and name in self._parents():
            raise No(self.box.dialect.parent.format(name))
        if folder is None:
            raise No("[NONEXISTENT] there is no such folder")
        return folder

    def do_select(self, name: str, *_: Any, read_only: bool = False) -> str:
        folder = self.folder = self._named(name)
        self.view, self.is_read_only = list(folder.mails), read_only
        self.say(f"* {len(self.view)} EXISTS")
        self.say("* 0 RECENT")
        self.say(f"* FLAGS ({KEPT_FLAGS})")
        self.say(f"* OK [PERMANENTFLAGS ({KEPT_FLAGS} \\*)] kept")
        self.say(f"* OK [UIDVALIDITY {folder.validity}] valid")
        self.say(f"* OK [UIDNEXT {folder.uidnext}] next")
        return f"[{'READ-ONLY' if read_only else 'READ-WRITE'}] selected"

    def do_examine(self, name: str, *more: Any) -> str:
        return self.do_select(name, *more, read_only=True)

    def do_unselect(self) -> None:
        self.folder, self.view = None, []

    def do_close(self) -> None:
        self._expunged(None, silently=True)
        self.do_unselect()

    def do_append(self, name: str, *more: Any) -> str:
        folder = self._named(name)
        flags = next((set(each) for each in more[:-1] if isinstance(each, list)), set())
        said = next((each for each in more[:-1] if isinstance(each, str)), "")
        at = datetime.strptime(said.strip(), "%d-%b-%Y %H:%M:%S %z") if said else None
        kept = folder.add(str(more[-1]).encode("utf-8", "surrogateescape"), flags, at)
        return f"[APPENDUID {folder.validity} {kept.uid}] kept"

    # Mails
    def _selected(self, *, to_change: bool = False) -> Folder:
        if self.folder is None:
            raise No("select a folder first")
        if to_change and self.is_read_only:
            raise No("[READ-ONLY] the folder was only examined")
        return self.folder

    def _chosen(self, text: str, by_uid: bool) -> list[tuple[int, Kept]]:
        self._selected()
        greatest = max((each.uid for each in self.view), default=0) if by_uid else len(self.view)
        wanted = numbers(text, greatest)
        return [(n, each) for n, each in enumerate(self.view, 1) if (each.uid if by_uid else n) in wanted]

    def do_search(self, *tokens: Any, by_uid: bool = False) -> None:
        self._selected()
        if tokens[:1] == ("CHARSET",) and str(tokens[1]).upper() not in self.box.dialect.charsets:
            raise No(f"[BADCHARSET ({' '.join(self.box.dialect.charsets)})] The specified charset is not supported.")
        found = (mail.uid if by_uid else number for number, mail in Search(list(tokens), self.view).found())
        self.say(" ".join(["* SEARCH", *map(str, found)]))

    def do_fetch(self, chosen: str, items: Any, by_uid: bool = False) -> None:
        wanted = [str(each) for each in (items if isinstance(items, list) else [items])]
        if by_uid and "UID" not in map(str.upper, wanted):
            wanted.insert(0, "UID")
        for number, mail in self._chosen(chosen, by_uid):
            simple = [each for each in wanted if not PART.fullmatch(each)]
            parts = [PART.fullmatch(each) for each in wanted if PART.fullmatch(each)]
            told = [value for each in simple if (value := item_of(each.upper(), mail))]
            told += [literal(part_label(each), part_of(each, mail)) for each in parts if each]
            sees = any(each and each[1].upper() == "BODY" for each in parts) or "RFC822" in map(str.upper, simple)
            if sees and not self.is_read_only:
                mail.flags.add("\\Seen")
            self.say(b"* %d FETCH (" % number + b" ".join(told) + b")")

    def do_store(self, chosen: str, how: str, flags: Any, *more: str, by_uid: bool = False) -> None:
        folder = self._selected(to_change=True)
        given = set(flags) if isinstance(flags, list) else {flags, *more}
        for number, mail in self._chosen(chosen, by_uid):
            sign = how[0]
            mail.flags = mail.flags | given if sign == "+" else mail.flags - given if sign == "-" else set(given)
            if not how.upper().endswith(".SILENT"):
                uid = f"UID {mail.uid} " if by_uid else ""
                self.say(f"* {number} FETCH ({uid}FLAGS ({' '.join(sorted(mail.flags))}))")
        folder.changed()

    def do_copy(self, chosen: str, name: str, by_uid: bool = False) -> str:
        target = self._named(name)
        mails = [mail for _, mail in self._chosen(chosen, by_uid)]
        new = [target.add(mail.raw, mail.flags, mail.at) for mail in mails]
        if not mails:
            return "nothing to copy"
        return f"[COPYUID {target.validity} {_row(mails)} {_row(new)}] copied"

    def do_move(self, chosen: str, name: str, by_uid: bool = False) -> str:
        folder = self._selected(to_change=True)
        mails = [mail for _, mail in self._chosen(chosen, by_uid)]
        said = self.do_copy(chosen, name, by_uid)
        folder.remove(mails)
        return said

    def do_expunge(self, chosen: str = "", by_uid: bool = False) -> None:
        self._expunged(self._chosen(chosen, by_uid) if chosen else None)

    def _expunged(self, chosen: list[tuple[int, Kept]] | None, *, silently: bool = False) -> None:
        folder = self._selected(to_change=not silently)
        among = self.view if chosen is None else [mail for _, mail in chosen]
        if not self.is_read_only:
            folder.remove([mail for mail in among if "\\Deleted" in mail.flags])

    def _catch_up(self) -> None:
        """Tell what has come and gone since."""
        if self.folder is None:
            return
        there = self.folder.mails
        for number in range(len(self.view), 0, -1):
            if self.view[number - 1] not in there:
                del self.view[number - 1]
                self.say(f"* {number} EXPUNGE")
        if len(self.view) != len(there):
            self.view = list(there)
            self.say(f"* {len(self.view)} EXISTS")

    async def do_idle(self) -> None:
        self._selected()
        self.say("+ idling")
        await self.writer.drain()
        done = asyncio.ensure_future(self.reader.readuntil(b"\n"))
        try:
            while not done.done():
                event = self.box.next_change()
                self._catch_up()
                await self.writer.drain()
                waiting = asyncio.ensure_future(event.wait())
                await asyncio.wait({done, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            if done.result().strip().upper() != b"DONE":
                raise Bad("idling ends with DONE")
        finally:
            done.cancel()


def quoted(text: str) -> str:
    """A text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _row(mails: list[Kept]) -> str:
    return ",".join(str(each.uid) for each in mails)
