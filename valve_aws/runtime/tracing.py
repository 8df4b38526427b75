"""The X-Ray header of an invocation: taken over, or begun.

Knows its fields. Does not make any number up; they are arguments.
Source: AWS X-Ray developer guide, `Tracing header`; Lambda developer guide, `Visualize Lambda function
invocations using AWS X-Ray`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

FIELDS: Mapping[str, re.Pattern[str]] = {
    "Root": re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}", re.ASCII),
    "Parent": re.compile(r"[0-9a-f]{16}", re.ASCII),
    "Sampled": re.compile(r"[01]", re.ASCII),
    "Lineage": re.compile(r"[0-9a-z:|]{1,200}", re.ASCII),
}


def trace(given: str, active: bool, root: str, segment: str) -> str:
    """Return the header that an event comes with. `given` is its caller's, "" for none; `root` and `segment`
    are new ones.

    Where X-Ray is active the function is a segment of its own, sampled unless its caller has decided that it
    is not; else what was given goes through. What is no field of such a header is left out.
    """
    told = dict(part.strip().partition("=")[::2] for part in given.split(";"))
    read = {name: told[name] for name, form in FIELDS.items() if form.fullmatch(told.get(name, ""))}
    if "Root" not in read:
        read = {"Root": root}
    if active or "Parent" not in read:
        read["Parent"] = segment
    read.setdefault("Sampled", "1" if active else "0")
    return ";".join(f"{name}={read[name]}" for name in FIELDS if name in read)
