"""The plan of an environment that a debugger is to be attached to.

Knows how Python and Node are told to wait for one. Does not know who attaches, nor how he gets inside.
Source: debugpy's README, Node's `Debugging Node.js`; flags as `sam local` has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from valve_aws.environments import files
from valve_aws.environments.interpreters import Interpreter
from valve_aws.environments.languages import Node
from valve_aws.environments.prepare import Prepared
from valve_aws.model.plan import Bind, Plan

SHOWN = "/var/valve/debugpy"
"""Where the host's own debugpy shows inside; the function's comes first."""
PORT = "VALVE_DEBUG_PORT"
"""Tells our bootstrap of Python to wait for a debugger. Whatever else reads or sets it is inside anyway."""
MORE = 512
"""MiB beside the function's own: a debugger is larger than many a function."""
INSIDE = "127.0.0.1"


def debugged(
    plan: Plan, prepared: Prepared, ports: Sequence[int], words: Sequence[str], debugpy: Path | None
) -> Plan:
    """Return the plan of an environment whose runtime waits for a debugger at the first of `ports`.

    `words` are further arguments of the interpreter (`--debug-args`); for Python they start the debugger, if
    there are any. `debugpy` is the host's own, for code that brings none. A program of the function's own is
    started as ever: it has to listen itself.
    """
    own = prepared.interpreter.command(prepared.function)
    before = plan.argv[: len(plan.argv) - len(own)]
    environ, binds = dict(plan.environ), plan.binds
    if isinstance(prepared.interpreter, Interpreter):
        if debugpy is not None:
            binds = (*binds, Bind(debugpy, f"{SHOWN}/debugpy"))
            environ["PYTHONPATH"] = f"{environ.get('PYTHONPATH', '')}:{SHOWN}"
        # Why: breakpoints are missed in modules that are frozen into the interpreter.
        own = (own[0], "-Xfrozen_modules=off", *own[1:-1], *words, own[-1])
        if not words:
            environ[PORT] = str(ports[0])
    elif isinstance(prepared.interpreter, Node):
        waits = () if any(word.startswith("--inspect") for word in words) else (_inspect(ports[0]),)
        own = (own[0], *waits, *words, *own[1:])
    return replace(
        plan, argv=(*before, *own), environ=environ, binds=binds, memory=plan.memory + MORE, wakeful=True
    )


def waits(prepared: Prepared, words: Sequence[str], debugpy: Path | None) -> bool:
    """Say whether there is a debugger that waits: Python has none of its own. Arguments as `debugged` has."""
    if not isinstance(prepared.interpreter, Interpreter) or words or debugpy is not None:
        return True
    major, minor = prepared.interpreter.version
    chosen = prepared.function.environment.get("PYTHONPATH", "").split(":")
    layers = (f"/opt/python/lib/python{major}.{minor}/site-packages", "/opt/python")
    searched = ("/var/task", *chosen, *prepared.packages, *layers, "/var/runtime")
    return any(
        files.is_folder(bind.source / PurePosixPath(path).relative_to(bind.target) / "debugpy")
        for path in searched
        for bind in prepared.binds
        if PurePosixPath(path).is_relative_to(bind.target)
    )


def _inspect(port: int) -> str:
    return f"--inspect-brk={INSIDE}:{port}"
