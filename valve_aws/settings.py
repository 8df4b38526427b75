"""What a command was told: one frozen value that the faces make and `valve` reads.

Knows names and defaults. Does not know what any of it leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLACE = (
    "AWS_ENDPOINT_URL",
    "LOCALSTACK_HOST",
    "LOCALSTACK_HOSTNAME",
    "EDGE_PORT",
    "USE_SSL",
    "AWS_ACCESS_KEY_ID",
)
"""What users of LocalStack have in their environment: localstack-client's variables (README, Configuration),
the two that it had before, and the key that chooses an account (docs.localstack.cloud, multi-account
setups)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run depends on. Paths are as given; `None` means the default of the design."""

    template: Path | None = None
    project: Path | None = None
    """`--project`: what code and nested templates may not leave; else the template's own folder."""
    stack: str = ""
    region: str = "us-east-1"
    account: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    physical: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`--env-vars`: function → variables; `Parameters` for all."""
    policy: Path | None = None
    mode: str = ""
    backend: str = "moto"
    place: Mapping[str, str] = field(default_factory=dict)
    """What the operator's environment says of where LocalStack is and whose account is meant (`PLACE`)."""
    seed: Path | None = None
    create: bool = False
    """Create what the template declares at a backend that somebody else runs, also where no seed is given."""
    audit: Path | None = None
    labels: Path | None = None
    log: Path | None = None
    """`--log-file`: a log store, so only what may leave goes there."""
    resolve: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    """(host, port) → (address, port); port 0 on the left means any."""
    reuse: str = "label"
    spares: int = 2
    """`--spares`: environments of a function that stand ready, made once it has needed a second one."""
    spare_memory: int = 512
    """`--spare-memory`: MiB that those of all functions may have in use."""
    at_once: int = 10
    """`--at-once`: environments of one function at work at once, of all its tenants; what comes beside them
    waits."""
    eager: bool = False
    """`--warm-containers EAGER`: each function has an environment before anything is served."""
    debug_ports: tuple[int, ...] = ()
    """`--debug-port`: those of this machine's loopback that lead into what is debugged."""
    debug_args: tuple[str, ...] = ()
    """`--debug-args`: further arguments of its interpreter."""
    debug_function: str = ""
    """`--debug-function`, or the function that is invoked: the only one that is debugged; "" for all."""
    allow_build: bool = False
    unsafe: bool = False
    """`--unsafe-cooperative`: no walls."""
