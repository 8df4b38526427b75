"""When a schedule is next due: `rate(…)`, `cron(…)`, `at(…)`.

Knows EventBridge's expressions (EventBridge user guide, "Cron expressions", "Rate expressions"; Scheduler,
"Schedule types"). Does not know what time it is.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

RATE = re.compile(r"rate\(\s*([0-9]{1,6})\s+(minute|hour|day|second)s?\s*\)", re.IGNORECASE)
CRON = re.compile(r"cron\((.*)\)", re.IGNORECASE)
AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", re.IGNORECASE)
SECONDS: Mapping[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}

MONTHS = {name: n for n, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}
DAYS = {name: n for n, name in enumerate("SUN MON TUE WED THU FRI SAT".split(), 1)}

YEARS = 8
"""How far ahead a time is looked for."""


def due(expression: str, after: float, zone: str = "") -> float | None:
    """Return when a schedule is due next, in seconds since the epoch; None: never again.

    `after` is when it was due last, or began. Raises ValueError for an expression that cannot be read.
    """
    if m := RATE.fullmatch(expression.strip()):
        count = int(m[1])
        if not count:
            raise ValueError(f"`{expression}` is never")
        return after + count * SECONDS[m[2].lower()]
    place = _zone(zone)
    if m := AT.fullmatch(expression.strip()):
        when = datetime.fromisoformat(m[1]).replace(tzinfo=place).timestamp()
        return when if when > after else None
    if m := CRON.fullmatch(expression.strip()):
        return _cron(m[1], datetime.fromtimestamp(after, place))
    raise ValueError(f"`{expression[:60]}` is neither rate(…), cron(…) nor at(…)")


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"`{name[:60]}` is no time zone") from error


def _cron(text: str, after: datetime) -> float | None:
    fields = text.split()
    if len(fields) != 6:
        raise ValueError(f"`cron({text[:60]})` has not six fields")
    minutes, hours = _set(fields[0], 0, 59), _set(fields[1], 0, 23)
    months, years = _set(fields[3], 1, 12, MONTHS), _set(fields[5], 1970, 2199)
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    last = day.year + YEARS
    while day.year <= last:
        if day.year in years and day.month in months and _on(day, fields[2], fields[4]):
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    when = day.replace(hour=hour, minute=minute)
                    if when > after:
                        return when.timestamp()
        day = day.replace(hour=0, minute=0) + timedelta(days=1)
    return None


def _on(day: datetime, of_month: str, of_week: str) -> bool:
    if of_week != "?":
        return _of_week(day, of_week)
    length = monthrange(day.year, day.month)[1]
    if of_month.upper() == "L":
        return day.day == length
    if of_month.upper().endswith("W"):
        return day.day == _weekday(day, length if of_month.upper() == "LW" else int(of_month[:-1]), length)
    return day.day in _set(of_month, 1, 31)


def _weekday(day: datetime, meant: int, length: int) -> int:
    """Return the working day of the month nearest to a day of it."""
    at = day.replace(day=min(meant, length))
    shift = {5: -1 if at.day > 1 else 2, 6: 1 if at.day < length else -2}.get(at.weekday(), 0)
    return at.day + shift


def _of_week(day: datetime, told: str) -> bool:
    number = (day.weekday() + 1) % 7 + 1
    if "#" in told:
        which, _, nth = told.partition("#")
        return number in _set(which, 1, 7, DAYS) and (day.day - 1) // 7 + 1 == int(nth)
    if told.upper() == "L":
        return number == 7
    if told.upper().endswith("L"):
        length = monthrange(day.year, day.month)[1]
        return number in _set(told[:-1], 1, 7, DAYS) and day.day > length - 7
    return number in _set(told, 1, 7, DAYS)


def _set(told: str, least: int, most: int, named: Mapping[str, int] = MappingProxyType({})) -> set[int]:
    """Return the numbers that a field names: `*`, `1,2`, `1-5`, `0/15`, names."""
    found: set[int] = set()
    for part in told.upper().split(","):
        span, _, step = part.partition("/")
        first, dash, end = span.partition("-")
        try:
            low = least if first in {"*", "?"} else named.get(first) or int(first)
            high = (named.get(end) or int(end)) if dash else (most if step or first in {"*", "?"} else low)
            found |= set(range(low, high + 1, int(step or 1)))
        except ValueError as error:
            raise ValueError(f"`{told[:40]}` cannot be read in a cron expression") from error
    return found
