"""A sighting as people read it: which decoy, how it was spelled, and every call and line that had part of it.

Knows the words. Does not know what follows from them.
"""

from __future__ import annotations

from collections.abc import Callable

from valve_aws.canary.lookout import Place, Sighting
from valve_aws.model.safe import plain

WORDS = {
    "Result": "its result",
    "Log": "its log",
    "Visit": "",
    "Connect": "",
    "Unreadable": "a request that cannot be read",
}
"""Crossings of `valve` that are no calls of AWS."""


def told(sighting: Sighting, title: Callable[[str], str]) -> str:
    """Return a sighting in some lines, without the decoy; `title` says what a resource is called."""
    lines = [f"✗ CANARY  the decoy {sighting.decoy.kind} left: {sighting.how}, in {sighting.part}"]
    for place in sighting.places:
        record = f"    {plain(place.record, 40)}" if place.record else ""
        lines.append(f"  by        {plain(place.function, 80)} → {_what(place, title)}{record}")
        if place.evidence.file:
            file = plain(place.evidence.file.removeprefix("/var/task/"), 80)
            text = plain(place.evidence.text.strip(), 80)
            lines.append(f"  called    {file}:{place.evidence.line}  {text}")
    return "\n".join(lines)


def _what(place: Place, title: Callable[[str], str]) -> str:
    target = " ".join(title(resource) for resource in place.resources[:2])
    if place.service == "valve":
        return f"{WORDS.get(place.operation, plain(place.operation, 80))} {target}".strip()
    return f"{plain(place.service, 60)}:{plain(place.operation, 80)} {target}".strip()
