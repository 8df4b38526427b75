"""HTTP, TLS and DNS as bytes: what comes out of an environment is read strictly here, and what goes on is
written anew.

Knows how requests, connections and names are spelled. Does not know AWS, labels, nor what may pass: its
callers judge.
"""

from __future__ import annotations

from valve_aws.proxy.authority import Authority
from valve_aws.proxy.dial import Dial
from valve_aws.proxy.exchange import Exchange
from valve_aws.proxy.grammar import Gone, Malformed, Slow, TooLarge
from valve_aws.proxy.limits import LIMITS, Limits
from valve_aws.proxy.server import Server
from valve_aws.proxy.upstream import Reply, Target, Unreachable, Upstream

__all__ = [
    "LIMITS", "Authority", "Dial", "Exchange", "Gone", "Limits", "Malformed", "Reply", "Server", "Slow",
    "Target", "TooLarge", "Unreachable", "Upstream",
]
