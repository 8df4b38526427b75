"""The operating system: one sandbox around one environment, and what this host can enforce.

Knows namespaces, mounts, limits and system calls. Does not know AWS, HTTP or labels.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from valve_aws.sandbox.files import interpreter_binds
    from valve_aws.sandbox.host import strength
    from valve_aws.sandbox.process import SandboxError, spawn
    from valve_aws.sandbox.unsafe.process import loopback_listeners, spawn_unsafe
    from valve_aws.sandbox.zygote.process import Zygote

__all__ = [
    "SandboxError",
    "Zygote",
    "interpreter_binds",
    "loopback_listeners",
    "spawn",
    "spawn_unsafe",
    "strength",
]

_HOME = {
    "SandboxError": "process",
    "spawn": "process",
    "strength": "host",
    "interpreter_binds": "files",
    "loopback_listeners": "unsafe.process",
    "spawn_unsafe": "unsafe.process",
    "Zygote": "zygote.process",
}


def __getattr__(name: str) -> object:
    """Import a verb when it is first named (PEP 562): the spawner lies in this room and must start
    quickly."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"valve_aws.sandbox.{_HOME[name]}"), name)
