"""Patterns that let an event through or not: `FilterCriteria` of a mapping, `FilterPolicy` of a subscription,
`EventPattern` of a rule.

Knows their comparisons (EventBridge user guide, "Comparison operators"; Lambda developer guide, "Control
which events Lambda sends to your function"; SNS developer guide, "Subscription filter policies"). Does not
know what becomes of what no pattern fits.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import operator
import re
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
    """Say whether a record of an event, as the function would see it, fits the filters of its mapping.

    Raises ValueError for a pattern that cannot be read.
    """
    patterns = _patterns(properties)
    return not patterns or any(matches(_seen(record, pattern), pattern) for pattern in patterns)


def matches(event: Mapping[str, Any], pattern: Any) -> bool:
    """Say whether an event fits one pattern, an object or its JSON. Raises ValueError for one that cannot be
    read."""
    told = json.loads(pattern) if isinstance(pattern, str) else pattern
    if not isinstance(told, Mapping):
        raise ValueError("a pattern is a JSON object")
    return _object(told, event)


def readable(pattern: str) -> bool:
    """Say whether a text is a pattern that a mapping may have: JSON, and only comparisons that are known."""
    try:
        told = json.loads(pattern)
        return isinstance(told, dict) and all(_readable(key, rule) for key, rule in told.items())
    except (ValueError, RecursionError):
        return False


def _readable(key: str, rule: Any) -> bool:
    if isinstance(rule, dict):
        return bool(rule) and all(_readable(inner, told) for inner, told in rule.items())
    if not isinstance(rule, list) or not rule:
        return False
    if key == "$or" and all(isinstance(each, dict) for each in rule):
        return all(each and all(_readable(*told) for told in each.items()) for each in rule)
    return all(_comparison(each) if isinstance(each, dict) else not isinstance(each, list) for each in rule)


def _comparison(rule: Mapping[str, Any]) -> bool:
    if len(rule) != 1:
        return False
    ((name, told),) = rule.items()
    if name == "numeric":
        return isinstance(told, list) and bool(told) and len(told) % 2 == 0 and set(told[::2]) <= set(NUMERIC)
    return isinstance(told, bool) if name == "exists" else name in OPERATORS


def _patterns(properties: Properties) -> list[Mapping[str, Any]]:
    criteria = properties.get("FilterCriteria") or {}
    told = [f["Pattern"] for f in (criteria.get("Filters") or ()) if f.get("Pattern")]
    found = [json.loads(pattern) if isinstance(pattern, str) else pattern for pattern in told]
    if not all(isinstance(pattern, dict) for pattern in found):
        raise ValueError("a pattern is a JSON object")
    return found


def _seen(record: Mapping[str, Any], pattern: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the record as a pattern looks at it: content that it looks into is JSON, or fits nothing."""
    seen = dict(record)
    if isinstance(pattern.get("body"), dict):
        seen["body"] = _value(record.get("body"))
    if "data" in pattern and "kinesis" in record:
        seen["data"] = _value(_decoded(record["kinesis"].get("data")))
        if not isinstance(pattern["data"], dict):
            seen["data"] = _decoded(record["kinesis"].get("data"))
    return seen


def _value(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None


def _decoded(data: Any) -> str:
    try:
        return base64.b64decode(str(data)).decode("utf-8", "replace")
    except ValueError:
        return ""


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
        # Why: it looks at leaves alone; an object with members is none, and so counts as absent.
        return (there and not isinstance(value, Mapping)) is bool(rule["exists"])
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


def _ignoring(told: Any) -> tuple[str, bool]:
    """Return a text, and whether its case counts."""
    if isinstance(told, Mapping):
        return str(told.get("equals-ignore-case", "")).casefold(), False
    return str(told), True


def _prefix(told: Any, value: Any) -> bool:
    text, exact = _ignoring(told)
    return isinstance(value, str) and (value if exact else value.casefold()).startswith(text)


def _suffix(told: Any, value: Any) -> bool:
    text, exact = _ignoring(told)
    return isinstance(value, str) and (value if exact else value.casefold()).endswith(text)


def _ignore_case(told: Any, value: Any) -> bool:
    return isinstance(value, str) and value.casefold() == str(told).casefold()


def _wildcard(told: Any, value: Any) -> bool:
    parts = (re.escape(part) for part in str(told).split("*"))
    return isinstance(value, str) and re.fullmatch(".*".join(parts), value, re.DOTALL) is not None


def _cidr(told: Any, value: Any) -> bool:
    try:
        return ipaddress.ip_address(str(value)) in ipaddress.ip_network(str(told), strict=False)
    except ValueError:
        return False


def _anything_but(told: Any, value: Any) -> bool:
    if isinstance(told, Mapping) and len(told) == 1:
        ((name, inner),) = told.items()
        options = inner if isinstance(inner, list) else [inner]
        return not any(_leaf({name: option}, True, value) for option in options)
    return not any(_leaf(each, True, value) for each in (told if isinstance(told, list) else [told]))


def _numeric(told: Any, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return all(NUMERIC[told[at]](value, told[at + 1]) for at in range(0, len(told), 2))


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "anything-but": _anything_but,
    "numeric": _numeric,
}
