"""The Lambda Runtime, Extensions and Telemetry APIs as state tables, and the texts that the platform writes.

Knows every path, state and payload of these APIs. Does not know sockets, processes or clocks.
"""

from valve_aws.runtime import events, faults, report, telemetry, tracing
from valve_aws.runtime.machine import RESPONSE_LIMIT, Machine, State

__all__ = ["RESPONSE_LIMIT", "Machine", "State", "events", "faults", "report", "telemetry", "tracing"]
