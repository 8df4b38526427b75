"""Which messages wake a function: the `FilterCriteria` of an event source mapping.

Knows the patterns of Lambda's event filtering (Lambda developer guide, "Control which events Lambda sends to
your function"). Does not know what becomes of a message that no pattern fits.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

Properties = Mapping[str, Any]

NUMERIC: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def fits(record: Mapping[str, Any], properties: Properties) -> bool:
    """Say whether a record of an SQS event, as the function would see it, fits the mapping's filters.

    Raises ValueError for a pattern that cannot be read.
    """
    patterns = _patterns(properties)
    return not patterns or any(_object(pattern, _seen(record, pattern)) for pattern in patterns)


def _patterns(properties: Properties) -> list[dict[str, Any]]:
    criteria = properties.get("FilterCriteria") or {}
    found = [json.loads(f["Pattern"]) for f in (criteria.get("Filters") or ()) if f.get("Pattern")]
    if not all(isinstance(pattern, dict) for pattern in found):
        raise ValueError("a pattern is a JSON object")
    return found


def _seen(record: Mapping[str, Any], pattern: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record as a pattern looks at it: a body that it looks into is JSON, or fits nothing."""
    if not isinstance(pattern.get("body"), dict):
        return record
    try:
        body = json.loads(record["body"])
    except (ValueError, RecursionError):
        body = None
    return {**record, "body": body}


def _object(pattern: Mapping[str, Any], value: Any) -> bool:
    """Say whether every key of a pattern fits; of a list of objects one is enough."""
    if isinstance(value, list):
        return any(_object(pattern, each) for each in value)
    present = value if isinstance(value, Mapping) else {}
    return all(_key(key, rule, present) for key, rule in pattern.items())


def _key(key: str, rule: Any, present: Mapping[str, Any]) -> bool:
    if key == "$or" and isinstance(rule, list):
        return any(_object(each, present) for each in rule)
    if isinstance(rule, dict):
        return _object(rule, present.get(key))
    if not isinstance(rule, list):
        raise ValueError(f"`{key}` is neither a list nor an object")
    return any(_leaf(each, key in present, present.get(key)) for each in rule)


def _leaf(rule: Any, there: bool, value: Any) -> bool:
    """Say whether one alternative fits a value; of a list of values one is enough."""
    if isinstance(rule, dict) and "exists" in rule:
        return there is bool(rule["exists"])
    if isinstance(value, list):
        return any(_leaf(rule, there, each) for each in value)
    if not isinstance(rule, dict):
        return there and _equal(rule, value)
    ((name, told),) = rule.items()
    if name not in OPERATORS:
        raise ValueError(f"the comparison `{name}` is not known")
    return there and OPERATORS[name](told, value)


def _equal(rule: Any, value: Any) -> bool:
    """Compare as JSON does: `true` is not 1, and 1 is 1.0."""
    return isinstance(rule, bool) is isinstance(value, bool) and bool(rule == value)


def _prefix(told: Any, value: Any) -> bool:
    return isinstance(value, str) and value.startswith(str(told))


def _suffix(told: Any, value: Any) -> bool:
    return isinstance(value, str) and value.endswith(str(told))


def _ignore_case(told: Any, value: Any) -> bool:
    return isinstance(value, str) and value.casefold() == str(told).casefold()


def _anything_but(told: Any, value: Any) -> bool:
    return not any(_leaf(each, True, value) for each in (told if isinstance(told, list) else [told]))


def _numeric(told: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return all(NUMERIC[told[at]](value, told[at + 1]) for at in range(0, len(told), 2))


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
}
