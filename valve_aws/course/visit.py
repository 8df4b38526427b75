"""What a request to a host that is not AWS amounts to, as a call.

Knows how such destinations are named. Does not know HTTP; the way across is the same as every other call's.
"""

from __future__ import annotations

from valve_aws.model.call import Call, Effect, Evidence
from valve_aws.model.cell import Extent, Part, Span


def visit(scheme: str, host: str, port: int, path: str, evidence: Evidence = Evidence()) -> Call:
    """Return the call that a request to another host is.

    Sending is a write to it, of the request's names too (law 5); what it answers is what its `holds` says.
    """
    usual = {"http": 80, "https": 443}.get(scheme)
    name = f"[{host}]" if ":" in host else host
    authority = name if port == usual else f"{name}:{port}"
    return _out("Visit", f"{scheme}://{authority}{path or '/'}", evidence)


def connect(host: str, port: int) -> Call:
    """Return the call that a raw connection is."""
    name = f"[{host}]" if ":" in host else host
    return _out("Connect", f"tcp://{name}:{port}", Evidence())


def resolve(name: str) -> Call:
    """Return the call that asking for a name is."""
    return _out("Resolve", f"dns:{name}", Evidence())


def _out(operation: str, target: str, evidence: Evidence) -> Call:
    there = Extent(target, Part.CONTENT, Span.ALL)
    return Call(
        "valve", operation, "", (target,), Effect(reveals=(there,), changes=(there,)), evidence=evidence
    )
