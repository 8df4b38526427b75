"""A zygote: an interpreter that has stopped in its start, before anything of a function, to be forked there.

Knows how far a start comes before a function's own variables and folders matter. Runs no function, ever: a
fork of it goes on as the environment of one, behind its own walls. Standard library only; nothing of it is
believed by the valve, whose walls do not depend on it.
"""

from __future__ import annotations

import os
import sys

from _valve_ahead import Ahead, Stash

TYPE_CHECKING = False
if TYPE_CHECKING:  # Why not typing's own: importing it would cost more than all the rest here.
    from collections.abc import Mapping

OURS = "/var/valve"
"""Where a zygote finds what only it has: the walls, and the runtime's folder as functions see it."""
USER = 993
"""Whoever runs a function: what is imported asks where he is at home."""
FIRST = ("_valve_evidence", "awslambdaric.__main__")
"""What the bootstrap imports before the function's own folders are on the path."""
AHEAD = (
    "boto3",
    "boto3.dynamodb.transform",
    "boto3.s3.inject",
    "concurrent.futures.thread",
    "urllib.request",
    "encodings.idna",
)
STARTUP = tuple(
    "PYTHON LD_ LC_ LANG TZ MALLOC_ GLIBC_ GCONV_PATH LOCPATH NLSPATH OPENSSL".split(),
)
"""Beginnings of variables that the loader, libc, OpenSSL or the interpreter read before any code of ours."""


def main() -> None:
    """Prepare, then give birth whenever the valve asks; return only in a child, as what it was born to be."""
    began, environ = set(sys.modules), dict(os.environ)
    if environ.get("LC_CTYPE") == "C.UTF-8":
        del environ["LC_CTYPE"]  # the interpreter's own, as `bootstrap` says
    true_uid, os.getuid = os.getuid, lambda: USER
    with Ahead() as ahead:
        _evidence(ahead)
        for name in FIRST:
            __import__(name)
        shown, state = ahead.closure(began | set(FIRST)) - {"_valve_ahead", __name__}, ahead.state()
        known = set(sys.path_importer_cache)
        for name in AHEAD:
            __import__(name)
        sys.path.append(OURS)
        from valve_aws.sandbox.zygote import spawner

        sys.path.remove(OURS)
        import gc
    os.getuid = true_uid
    state["finders"][1].remove(ahead)
    for name in [name for name in sys.modules if name.partition(".")[0] in {"valve_aws", "_valve_ahead"}]:
        del sys.modules[name]
    del sys.modules[__name__]
    new = set(sys.path_importer_cache) - known
    stash = Stash(ahead, shown, state, {path: sys.path_importer_cache.pop(path) for path in new})
    gc.collect()
    gc.freeze()
    born = spawner.serve(lambda argv, told: _fits(argv, told, environ, ahead, shown))
    _become(born["environ"], environ)
    vars(sys.modules["_valve_evidence"])["ahead"] = stash


def _evidence(ahead: Ahead) -> None:
    """Import the true `_valve_evidence`, whose name leads here in a zygote, from where functions see it."""
    from importlib.util import module_from_spec, spec_from_file_location

    name, file = "_valve_evidence", "/var/runtime/_valve_evidence.py"
    spec = spec_from_file_location(name, file)
    assert spec
    module = sys.modules[name] = module_from_spec(spec)
    with open(f"{OURS}/runtime/{name}.py", "rb") as source:
        code = compile(source.read(), file, "exec", dont_inherit=True)
    ahead.run(name, lambda: exec(code, module.__dict__))


def _fits(
    argv: list[str], told: Mapping[str, str], mine: Mapping[str, str], ahead: Ahead, shown: set[str]
) -> bool:
    """Say whether a start with this command and these variables would have come to where the zygote is."""
    names = {name for name in {**mine, **told} if name.startswith(STARTUP) or name in ahead.asked}
    if argv != sys.orig_argv or "*" in ahead.asked:
        return False
    if any(told.get(name) != mine.get(name) for name in names - {"PYTHONPATH"}):
        return False
    folders = _added(told, mine)
    return folders is not None and _unshadowed(folders, shown)


def _added(told: Mapping[str, str], mine: Mapping[str, str]) -> list[str] | None:
    """Return the folders that a search path has before the zygote's own; None when it is another kind."""
    path, own = told.get("PYTHONPATH", ""), mine["PYTHONPATH"]
    folders = [] if path == own else path.removesuffix(f":{own}").split(":")
    usual = path == own or path.endswith(f":{own}")
    return folders if usual and all(folder.startswith("/") for folder in folders) else None


def _unshadowed(folders: list[str], shown: set[str]) -> bool:
    """Say whether none of the modules that a start imports first lies in these folders too."""
    tops = {name.partition(".")[0] for name in shown}
    entries = (entry.name for folder in folders for entry in os.scandir(folder))
    return not any(entry.partition(".")[0] in tops for entry in entries)


def _become(told: Mapping[str, str], mine: Mapping[str, str]) -> None:
    """Take on the variables, and the path that the interpreter would have made of them."""
    os.environ.clear()
    os.environ.update(told)
    sys.path[1:1] = _added(told, mine) or []
