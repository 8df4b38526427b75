"""The runtimes that the Lambda API takes, and those that it no longer does.

Knows names. Does not know which of them can be run here. Source: Lambda developer guide, "Lambda runtimes";
the order is that of the service's own message.
"""

from __future__ import annotations

from valve_aws.api.fault import Fault

TAKEN = tuple(
    """
    nodejs20.x python3.14 provided.al2023 python3.12 python3.13 nodejs24.x nodejs22.x java25 python3.10
    python3.11
    java21 ruby3.3 ruby3.4 ruby3.2 python3.8 python3.9 java17 nodejs16.x dotnet10 dotnet8 java11 dotnet6
    nodejs18.x
    provided.al2 java8.al2
    """.split()
)

PAST = frozenset(
    """
    nodejs nodejs4.3 nodejs4.3-edge nodejs6.10 nodejs8.10 nodejs10.x nodejs12.x nodejs14.x java8 python2.7
    python3.6
    python3.7 dotnetcore1.0 dotnetcore2.0 dotnetcore2.1 dotnetcore3.1 go1.x ruby2.5 ruby2.7 provided
    """.split()
)

SNAPS = (
    "java11",
    "java17",
    "java21",
    "java25",
    "python3.12",
    "python3.13",
    "python3.14",
    "dotnet8",
    "dotnet10",
)
"""Runtimes that SnapStart is there for."""

ENUM = f"Member must satisfy enum value set: [{', '.join(TAKEN)}]"


def taken(runtime: str) -> None:
    """See that a runtime may be asked for. Raises `Fault`."""
    if runtime in PAST:
        raise Fault(
            "InvalidParameterValueException",
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions.",
        )
    if runtime not in TAKEN:
        raise Fault(
            "InvalidParameterValueException",
            f"Value {runtime} at 'runtime' failed to satisfy constraint: {ENUM} or be a valid ARN",
        )
