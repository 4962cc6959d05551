"""Cron expressions read aloud."""

from __future__ import annotations

import re
from collections.abc import Callable

from workbench.scheduler.cron.expression import fields, values

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_STEPPED = re.compile(r"(\d+)-(\d+)/(\d+)")
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth")


_SIZES = (60, 60, 24)
MOST_LISTED = 6


def cron_words(text: str) -> str:
    """A valid expression in words: `09:00 Monday to Friday`."""
    parts = ["0", *fields(text)][-6:]
    second, minute, hour, day, month, weekday = map(_plain, range(6), parts)
    at = _time(minute, hour)
    if second != "0":
        at = f"{_seconds(second)}, {'every minute' if at == 'every minute' else at}"
    joint = "if it is" if parts[3].startswith("*") or parts[5].startswith("*") else "or"
    days = _days(day, weekday, joint)
    months = "" if month == "*" else f"in {_list(month, _month)}"
    if not days and not months and at[:1].isdigit():
        days = "every day"
    return " ".join(part for part in (at, days, months) if part)


def _plain(place: int, field: str) -> str:
    """A field whose steps stay only where they are what they seem.

    Steps begin anew with each hour, day, month or year, so that `*/7` of minutes is no "every 7 minutes": few values
    are written out, more of them as `0-56/7`. Weekdays and months are always written out.
    """
    terms = list(dict.fromkeys(each for term in field.split(",") for each in _plain_terms(place, term, field)))
    return "*" if "*" in terms else ",".join(terms)


def _plain_terms(place: int, term: str, field: str) -> list[str]:
    span, _, step = term.partition("/")
    if not step:
        return [term]
    if span == "*" and int(step) == 1:
        return ["*"]
    if (
        span == "*"
        and term == field
        and place < len(_SIZES)
        and int(step) < (size := _SIZES[place])
        and size % int(step) == 0
    ):
        return [f"*/{int(step)}"]
    found = values(place, term)
    if len(found) <= MOST_LISTED or place > 3:
        return [str(each) for each in found]
    return [f"{found[0]}-{found[-1]}/{int(step)}"]


def _seconds(second: str) -> str:
    if second == "*":
        return "every second"
    if second.startswith("*/"):
        return f"every {second[2:]} seconds"
    if (stepped := _STEPPED.fullmatch(second)) is not None:
        return f"every {stepped[3]} seconds from second {stepped[1]} to {stepped[2]} of a minute"
    return f"at second {_list(second, _number)}"


def _time(minute: str, hour: str) -> str:
    minutes, hours = minute.split(","), hour.split(",")
    if all(each.isdigit() for each in minutes + hours) and len(minutes) * len(hours) <= MOST_LISTED:
        return _and([f"{int(h):02d}:{int(m):02d}" for h in sorted(hours, key=int) for m in sorted(minutes, key=int)])
    span = _hours(hour)
    if minute == "*":
        return f"every minute{span}"
    if minute.startswith("*/"):
        return f"every {minute[2:]} minutes{span}"
    if (stepped := _STEPPED.fullmatch(minute)) is not None:
        return f"every {stepped[3]} minutes from minute {stepped[1]} to {stepped[2]} of each hour{span}"
    past = "" if minute in ("0", "00") else f" at minute {_list(minute, _number)}"
    if hour == "*":
        return f"every hour{past}"
    if hour.startswith("*/"):
        return f"every {hour[2:]} hours{past}"
    if (stepped := _STEPPED.fullmatch(hour)) is not None:
        return f"every {stepped[3]} hours from {int(stepped[1]):02d}:00 to {int(stepped[2]):02d}:00{past}"
    if hour.replace("-", "").isdigit():
        first, _, last = hour.partition("-")
        return f"every hour from {int(first):02d}:00 to {int(last or first):02d}:00{past}"
    return f"minute {_list(minute, _number)}{span}"


def _hours(hour: str) -> str:
    if hour == "*":
        return ""
    if hour.startswith("*/"):
        return f" of each {_nth(int(hour[2:]))} hour from 00:00"
    if (stepped := _STEPPED.fullmatch(hour)) is not None:
        return f" of each {_nth(int(stepped[3]))} hour from {int(stepped[1]):02d}:00 to {int(stepped[2]):02d}:59"
    if hour.replace("-", "").isdigit():
        first, _, last = hour.partition("-")
        return f" from {int(first):02d}:00 to {int(last or first):02d}:59"
    return f" of hour {_list(hour, _number)}"


def _days(day: str, weekday: str, joint: str) -> str:
    if day == "*" and weekday == "*":
        return ""
    if day == "*":
        return _weekdays(weekday)
    if weekday == "*":
        return f"on {_month_days(day)}"
    return f"on {_month_days(day)}, {joint} {_weekdays(weekday)}"


def _weekdays(weekday: str) -> str:
    return _list(weekday, _weekday)


def _weekday(term: str) -> str:
    if term.endswith("L"):
        return f"the last {_weekday(term[:-1])} of the month"
    if "#" in term:
        name, _, nth = term.partition("#")
        return f"the {_ORDINALS[int(nth)]} {_weekday(name)} of the month"
    return _WEEKDAYS[int(term)] if term.isdigit() else _named(term, _WEEKDAYS)


def _month_days(day: str) -> str:
    terms = day.split(",")
    plain = [term for term in terms if not any(sign in term for sign in "LW/")]
    numbers = _list(",".join(plain), _number) if plain else ""
    several = len(plain) > 1 or "to" in numbers
    special = [_special_day(term) for term in terms if term not in plain]
    return _and(([f"day{'s' if several else ''} {numbers}"] if plain else []) + special)


def _special_day(term: str) -> str:
    if term == "L":
        return "the last day of the month"
    if term == "LW":
        return "the last weekday of the month"
    if (stepped := _STEPPED.fullmatch(term)) is not None:
        return f"every {_nth(int(stepped[3]))} day of the month from day {stepped[1]} to {stepped[2]}"
    return f"the weekday nearest to day {term[:-1]}"


def _nth(number: int) -> str:
    """`2nd`, `11th`, `23rd`."""
    return f"{number}{'th' if number // 10 % 10 == 1 else _ENDINGS.get(number % 10, 'th')}"


def _month(term: str) -> str:
    return _MONTHS[int(term) - 1] if term.isdigit() else _named(term, _MONTHS)


def _named(term: str, names: tuple[str, ...]) -> str:
    return next(name for name in names if name.upper().startswith(term))


def _number(term: str) -> str:
    return str(int(term))


def _list(field: str, word: Callable[[str], str]) -> str:
    return _and([_term(term, word) for term in field.split(",")])


def _term(term: str, word: Callable[[str], str]) -> str:
    span, _, step = term.partition("/")
    first, _, last = span.partition("-")
    said = f"{word(first)} to {word(last)}" if last else word(first)
    return f"every {_nth(int(step))} from {said}" if step else said


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
