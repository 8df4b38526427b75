"""Starts a Python function in the sandbox: Lambda's search path, a lazy watch on botocore, then awslambdaric.

Adds evidence for people to read, and the exception that an SDK's user expects. Runs in the function's own
process, so nothing of it is ever believed. Standard library only; awslambdaric itself is unmodified.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # Why not typing's own: importing it would cost more than all the rest here.
    from collections.abc import Callable, Sequence


WITH_LOCALE = tuple(f"AWS_Lambda_python3.{minor}" for minor in range(6, 12))


def search_path(
    entries: Sequence[str],
    task: str,
    runtime: str,
    version: str,
    exists: Callable[[str], bool] = os.path.isdir,
) -> list[str]:
    """Return `sys.path` as on Lambda: the code, what PYTHONPATH adds, layers, the runtime's packages, the
    library.

    `entries` is the path that the interpreter made: this file's folder, PYTHONPATH, the standard library.
    """
    layers = (f"/opt/python/lib/python{version}/site-packages", "/opt/python")
    library = next((at for at, entry in enumerate(entries) if entry.endswith(".zip")), len(entries))
    added = [entry for entry in entries[:library] if entry not in (runtime, task)]
    path = [task, *added, *(layer for layer in layers if exists(layer)), runtime, *entries[library:]]
    return list(dict.fromkeys(path))


def interactive_names() -> None:
    """Give the names that `site` gives, as code found in the wild says `exit()`.

    Why not `site` itself: it would put the packages of the host's interpreter on the path.
    """
    import _sitebuiltins
    import builtins

    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.help = _sitebuiltins._Helper()


def wait_for_debugger(port: int) -> None:
    """Have debugpy listen inside, and wait until somebody attaches; go on without it where it is not here.

    The function's own comes first. Code that listens itself, as it would under `sam local`, finds it done.
    """
    sys.path.append("/var/valve/debugpy")
    try:
        import debugpy
    except ImportError:
        sys.stderr.write("debugpy is not among the packages here: the port leads to whatever listens at it\n")
        return
    here = ("127.0.0.1", port)
    debugpy.listen(here)
    debugpy.listen = lambda *_, **__: here
    debugpy.wait_for_client()


def main() -> None:
    """Set the stage and hand over; does not return."""
    task = os.environ.get("LAMBDA_TASK_ROOT", "/var/task")
    runtime = os.path.dirname(os.path.realpath(__file__))
    # Why first: what the runtime itself needs must not be found in the function's folder.
    import _valve_evidence
    from awslambdaric.__main__ import main as run

    sys.path[:] = search_path(sys.path, task, runtime, f"{sys.version_info[0]}.{sys.version_info[1]}")
    if sys.flags.no_site:
        interactive_names()
    if os.environ.get("LC_CTYPE") == "C.UTF-8" and os.environ.get("AWS_EXECUTION_ENV", "") in WITH_LOCALE:
        # Why: the interpreter itself sets it where LANG's locale is not installed (PEP 538); Lambda has that
        # locale up to here.
        del os.environ["LC_CTYPE"]
    _valve_evidence.install(task)
    if port := os.environ.pop("VALVE_DEBUG_PORT", ""):
        wait_for_debugger(int(port))
    run([sys.argv[0], os.environ["_HANDLER"]])


if __name__ == "__main__":
    main()
