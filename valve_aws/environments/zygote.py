"""The plan of a zygote: what the environments of one interpreter have in common before they meet a function.

Knows which part of a plan that is. Does not start anything, and takes no key, name or line of a function.
"""

from __future__ import annotations

from valve_aws.model.plan import Bind, Plan

INTERPRETER = "/var/lang"
RUNTIME = "/var/runtime"
TRUE_RUNTIME = "/var/valve/runtime"
"""Where a zygote finds the file that `ENTRY` lies over."""
ENTRY = f"{RUNTIME}/_valve_evidence.py"
"""What the bootstrap imports first: there the zygote's own program begins, and a fork of it goes on."""
PROGRAM = b"import _valve_zygote\n_valve_zygote.main()\n"
PROGRAM_OF_PYTHON = f"{RUNTIME}/bootstrap.py"
COMMAND = 3
"""Words of the first command, after an exec wrapper if there is one."""
SHARED = (
    "AWS_EXECUTION_ENV",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "LD_LIBRARY_PATH",
    "PATH",
    "TZ",
)
"""Variables that the interpreter, or what it imports, reads at its start; none is a function's own secret."""


def zygote_plan(plan: Plan) -> Plan | None:
    """Return the plan of the zygote that an environment with this plan can be forked from; None when no
    Python is what it starts.

    Two environments have the same one if these plans are equal. What a function has chosen otherwise is seen
    by the zygote's child, which then executes its command like any start.
    """
    if plan.argv[-1] != PROGRAM_OF_PYTHON:
        return None
    binds = tuple(bind for bind in plan.binds if _of_runtime(bind.target))
    shared = [name for name in SHARED if name in plan.environ]
    runtime = next(bind.source for bind in binds if bind.target == RUNTIME)
    return Plan(
        argv=plan.argv[-COMMAND:],
        environ={**{name: plan.environ[name] for name in shared}, "PYTHONPATH": RUNTIME},
        directory="/var/task",
        binds=(*binds, Bind(runtime, TRUE_RUNTIME)),
        files={ENTRY: PROGRAM},
    )


def _of_runtime(target: str) -> bool:
    return target in {RUNTIME, INTERPRETER} or target.startswith(f"{INTERPRETER}/")
