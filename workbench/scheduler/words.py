"""Cron expressions read aloud."""

from __future__ import annotations

from collections.abc import Callable

from workbench.scheduler.cron import fields

_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_ORDINALS = ("", "first", "second", "third", "fourth", "fifth")


def cron_words(text: str) -> str:
    """A valid expression in words: `09:00 Monday to Friday`."""
    second, minute, hour, day, month, weekday = ["0", *fields(text)][-6:]
    at = _time(minute, hour)
    if second != "0":
        at = f"{_seconds(second)}, {'every minute' if at == 'every minute' else at}"
    days = _days(day, weekday)
    months = "" if month == "*" else f"in {_list(month, _month)}"
    if not days and not months and at[:1].isdigit():
        days = "every day"
    return " ".join(part for part in (at, days, months) if part)


def _seconds(second: str) -> str:
    if second == "*":
        return "every second"
    if second.startswith("*/"):
        return f"every {second[2:]} seconds"
    return f"at second {_list(second, str)}"


def _time(minute: str, hour: str) -> str:
    minutes, hours = minute.split(","), hour.split(",")
    if all(each.isdigit() for each in minutes + hours) and len(minutes) * len(hours) <= 6:
        return _and([f"{int(h):02d}:{int(m):02d}" for h in sorted(hours, key=int) for m in sorted(minutes, key=int)])
    span = _hours(hour)
    if minute == "*":
        return f"every minute{span}"
    if minute.startswith("*/"):
        return f"every {minute[2:]} minutes{span}"
    past = "" if minute in ("0", "00") else f" at minute {_list(minute, _number)}"
    if hour == "*":
        return f"every hour{past}"
    if hour.startswith("*/") and hour[2:].isdigit():
        return f"every {int(hour[2:])} hours{past}"
    if hour.replace("-", "").isdigit():
        first, _, last = hour.partition("-")
        return f"every hour from {int(first):02d}:00 to {int(last or first):02d}:00{past}"
    return f"minute {_list(minute, _number)}{span}"


def _hours(hour: str) -> str:
    if hour == "*":
        return ""
    if hour.startswith("*/"):
        return f" of every {hour[2:]} hours"
    if hour.replace("-", "").isdigit():
        first, _, last = hour.partition("-")
        return f" from {int(first):02d}:00 to {int(last or first):02d}:59"
    return f" of hour {_list(hour, _number)}"


def _days(day: str, weekday: str) -> str:
    if day == "*" and weekday == "*":
        return ""
    if day == "*":
        return _weekdays(weekday)
    if weekday == "*":
        return f"on {_month_days(day)}"
    joint = "if it is" if day.startswith("*") or weekday.startswith("*") else "or"
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
    plain = [term for term in day.split(",") if "L" not in term and "W" not in term]
    special = [_special_day(term) for term in day.split(",") if term not in plain]
    numbers = _list(",".join(plain), _number) if plain else ""
    several = len(plain) > 1 or any(sign in numbers for sign in ("to", "every"))
    return _and(([f"day{'s' if several else ''} {numbers}"] if plain else []) + special)


def _special_day(term: str) -> str:
    if term == "L":
        return "the last day of the month"
    if term == "LW":
        return "the last weekday of the month"
    return f"the weekday nearest to day {term[:-1]}"


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
    if span == "*":
        return f"every {step}" if step else "any"
    first, _, last = span.partition("-")
    said = f"{word(first)} to {word(last)}" if last else word(first)
    if not step:
        return said
    return f"every {step} from {said}"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
