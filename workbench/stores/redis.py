"""A store in Redis or Valkey, shared by the processes of many machines."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.errors import MissingDependency, StoreUnavailable
from workbench.core.ports import Swap
from workbench.stores.files import own_folder
from workbench.stores.url import redacted
from workbench.stores.values import NotACounter, valid_key

if TYPE_CHECKING:
    from redis import Redis

TIMEOUT_SECONDS = 2.0
PAGE = 500

# The hash holds the values; the sorted set, all scores 0, holds the keys in order for scans by prefix.
# Braces keep both in one slot of a cluster.
VALUES, KEYS = "{workbench:store}:values", "{workbench:store}:keys"

_PUT = "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) redis.call('ZADD', KEYS[2], 0, ARGV[1])"
_PUT_ALL = """
for place = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
  redis.call('ZADD', KEYS[2], 0, ARGV[place])
end
"""
_DELETE = "redis.call('ZREM', KEYS[2], ARGV[1]) return redis.call('HDEL', KEYS[1], ARGV[1])"
_ADD = """
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
"""
# The new value is read back as text: Lua's numbers are exact to 53 bits only.
_INCR = """
redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return redis.call('HGET', KEYS[1], ARGV[1])
"""
# A value comes with a mark before it, `=` for a value and `-` for none, since an argument cannot be absent.
_SWAP_ALL = """
local swapped = {}
for place = 1, #ARGV, 3 do
  local key, expected, value = ARGV[place], ARGV[place + 1], ARGV[place + 2]
  local now = redis.call('HGET', KEYS[1], key)
  local is_as_expected = (now and '=' .. now or '-') == expected
  if is_as_expected and value == '-' then
    redis.call('ZREM', KEYS[2], key)
    redis.call('HDEL', KEYS[1], key)
  elseif is_as_expected then
    redis.call('HSET', KEYS[1], key, string.sub(value, 2))
    redis.call('ZADD', KEYS[2], 0, key)
  end
  table.insert(swapped, is_as_expected and 1 or 0)
end
return swapped
"""

_SCRIPTS = {"put": _PUT, "put_all": _PUT_ALL, "delete": _DELETE, "add": _ADD, "incr": _INCR, "swap_all": _SWAP_ALL}


class RedisStore:
    """The verbs as one script each, one round trip each; the client's pool serves threads and forked children.

    Nothing is sent twice: after a lost answer the caller gets StoreUnavailable, since a repeated `incr` would count
    one thing twice.
    """

    across_machines = True

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as exc:
            raise MissingDependency("A store in Redis", "redis") from exc
        self._errors = redis.exceptions
        self.url = redacted(url)
        self.folder: Path | None = _runtime_folder()
        try:
            self._redis: Redis = redis.Redis.from_url(
                url,
                socket_timeout=timeout_seconds,
                socket_connect_timeout=timeout_seconds,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError as exc:
            raise StoreUnavailable(f"The store URL {self.url!r} cannot be read. Fix: redis://host:port/0") from exc
        self._scripts = {name: self._redis.register_script(text) for name, text in _SCRIPTS.items()}
        try:
            self._asked(self._redis.ping)
        except StoreUnavailable:
            self._redis.close()
            raise

    def get(self, key: str) -> bytes | None:
        """The value, or None."""
        value: bytes | None = self._asked(lambda: self._redis.hget(VALUES, key))
        return value

    def get_all(self, keys: Collection[str]) -> dict[str, bytes]:
        """The values of those keys that have one."""
        asked = list(keys)
        values: list[bytes | None] = self._asked(lambda: self._redis.hmget(VALUES, asked)) if asked else []
        return {key: value for key, value in zip(asked, values, strict=True) if value is not None}

    def put(self, key: str, value: bytes) -> None:
        """Set the value."""
        self._script("put", key, value)

    def put_all(self, values: Mapping[str, bytes]) -> None:
        """Set several values in one write: all of them or none."""
        for key in values:
            valid_key(key)
        given = [each for pair in values.items() for each in pair]
        script = self._scripts["put_all"]
        self._asked(lambda: script(keys=[VALUES, KEYS], args=given))

    def delete(self, key: str) -> bool:
        """Remove it; whether it was there."""
        return bool(self._script("delete", key))

    def scan(self, prefix: str, after: str = "") -> Iterator[tuple[str, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, with their values, in order of the key.

        What is written meanwhile may or may not be seen.
        """
        first = b"(" + after.encode() if after >= prefix else b"[" + prefix.encode()
        last = b"[" + prefix.encode() + b"\xff"
        while page := self._asked(partial(self._page, first, last)):
            yield from ((key.decode(), value) for key, value in page if value is not None)
            if len(page) < PAGE:
                return
            first = b"(" + page[-1][0]

    def _page(self, first: bytes, last: bytes) -> list[tuple[bytes, bytes | None]]:
        keys: list[Any] = self._redis.zrangebylex(KEYS, first, last, 0, PAGE)
        values: list[Any] = self._redis.hmget(VALUES, keys) if keys else []
        return list(zip(keys, values, strict=True))

    def add(self, key: str, value: bytes) -> bool:
        """Set the value only if the key is absent, atomically; whether it was set."""
        return bool(self._script("add", key, value))

    def incr(self, key: str, by: int = 1) -> int:
        """Add to a counter (absent counts as 0), atomically; the new value."""
        return int(self._script("incr", key, by))

    def swap(self, key: str, expected: bytes | None, value: bytes | None) -> bool:
        """Set the value only if it is `expected` now, atomically; whether it was. None is no value."""
        return self.swap_all([Swap(key, expected, value)])[0]

    def swap_all(self, swaps: Sequence[Swap]) -> list[bool]:
        """Make several swaps in one write, in order; of each, whether its value was as expected, so that it is set."""
        for each in swaps:
            valid_key(each.key)
        given = [part for key, *values in swaps for part in (key.encode(), *map(_marked, values))]
        script = self._scripts["swap_all"]
        return [bool(each) for each in self._asked(lambda: script(keys=[VALUES, KEYS], args=given))]

    def time(self) -> float:
        """The server's clock, which is the same for every machine: seconds since the epoch, UTC [s]."""
        seconds, micros = self._asked(self._redis.time)
        return float(seconds + micros / 1e6)

    def close(self) -> None:
        """Close the sockets."""
        self._redis.close()

    def _script(self, name: str, key: str, *values: Any) -> Any:
        valid_key(key)
        script = self._scripts[name]
        return self._asked(lambda: script(keys=[VALUES, KEYS], args=[key, *values]), key)

    def _asked(self, ask: Callable[[], Any], key: str = "") -> Any:
        try:
            return ask()
        except self._errors.ResponseError as exc:
            if "not an integer" in str(exc) or "overflow" in str(exc):
                raise NotACounter(key) from exc
            raise StoreUnavailable(f"The store {self.url} refused: {exc}. Fix: {_fix(str(exc))}.") from exc
        except self._errors.AuthenticationError as exc:
            raise StoreUnavailable(
                f"The store {self.url} refused the user name or password: {str(exc).rstrip('.')}. "
                f"Fix: correct it in WORKBENCH_STORE."
            ) from exc
        except (self._errors.RedisError, OSError) as exc:
            raise StoreUnavailable(
                f"The store {self.url} gave no answer: {exc}. Fix: start the server, or correct WORKBENCH_STORE."
            ) from exc


def _fix(refusal: str) -> str:
    if "maxmemory" in refusal or refusal.startswith("MISCONF"):
        return "give the server more memory or disk"
    if "read only replica" in refusal:
        return "name the primary server, this one is a replica"
    return "check the server's log and the account's rights"


def _marked(value: bytes | None) -> bytes:
    return b"-" if value is None else b"=" + value


def _runtime_folder() -> Path:
    import getpass

    return own_folder(Path(tempfile.gettempdir()) / f"workbench-{getpass.getuser()}")
