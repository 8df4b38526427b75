"""Labels in words, and short names for long ones.

Knows ARNs. Does not know records.
"""

from __future__ import annotations

from collections.abc import Iterable

from valve_aws.model.safe import plain


def tags(label: Iterable[str], most: int = 4) -> str:
    """Return a label in words, the first few tags in order."""
    names = sorted(label)
    if not names:
        return "nothing"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(plain(name, 60) for name in names[:most]) + more


def short(arn: str) -> str:
    """Return the telling end of an ARN: the bucket, queue, table or function; other text as it is."""
    if not arn.startswith("arn:"):
        return plain(arn, 100)
    _, _, service, _, _, rest = (arn.split(":", 5) + [""] * 6)[:6]
    if rest == "*":
        return f"all of {plain(service, 40)}"
    for kind in ("table/", "function:", "secret:", "parameter/", "stream/", "event-bus/", "log-group:"):
        rest = rest.removeprefix(kind)
    return plain(rest, 100)
