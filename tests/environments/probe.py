"""What a function can see of the process, the interpreter and the machine that it finds itself in.

Runs inside, as a module beside a handler. Does not judge: `seen` gives one short value for each thing.
"""

from __future__ import annotations

import atexit
import builtins
import gc
import hashlib
import os
import resource
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

SCALARS = (int, float, complex, str, bytes, bool, type(None))

OWN: set[str] = set()
MOST = 400
TOLD: dict[tuple[int, int], tuple[Any, str]] = {}
"""(id of a value, depth) → the value and how it is told, during one look."""


def seen() -> dict[str, str]:
    """Return name → value of everything; what cannot be looked at is told as its error."""
    # Why: a thread that was joined takes a moment to end; from 3.12 on the runtime client asks by one.
    until = time.monotonic() + 1
    while len(os.listdir("/proc/self/task")) > threading.active_count() and time.monotonic() < until:
        time.sleep(0.001)
    found: dict[str, str] = {}
    for name, look in LOOKS.items():
        try:
            told = look()
        except BaseException as problem:
            told = type(problem).__name__
        if isinstance(told, dict):
            found.update({f"{name}: {key}": str(value) for key, value in told.items()})
        else:
            found[name] = str(told)
    TOLD.clear()
    return found


def _digest(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:12]


def _told(value: Any, depth: int = 2) -> str:
    """Describe a value by what it is and does, never by where it lies in memory."""
    if type(value) in SCALARS:
        return repr(value)[:200]
    # Why kept for a look: hundreds of modules hold the same classes and built-ins, and telling is what takes time.
    at = id(value), depth
    if at not in TOLD:
        TOLD[at] = value, _described(value, depth)
    return TOLD[at][1]


def _described(value: Any, depth: int) -> str:
    if isinstance(value, type):
        builtin = value.__module__ == "builtins"
        held = vars(value).items() if depth > 0 and not builtin else ()
        inner = sorted(f"{name}={_told(each, depth - 1)}" for name, each in held)
        return f"class {value.__module__}.{value.__qualname__} {'' if builtin else inner}"
    if isinstance(value, types.FunctionType):
        code = value.__code__
        place = f"{code.co_filename}:{code.co_firstlineno} {len(code.co_code)}"
        return f"def {value.__module__}.{value.__qualname__} {place} {_told(value.__defaults__, 1)}"
    if type(value) in {list, tuple, set, frozenset} and depth > 0:
        parts = [_told(each, depth - 1) for each in list(value)[:MOST]]
        return f"{type(value).__name__}{len(value)}{parts if type(value) in {list, tuple} else sorted(parts)}"
    if type(value) is dict and depth > 0:
        parts = [f"{_told(k, 0)}:{_told(v, depth - 1)}" for k, v in list(value.items())[:MOST]]
        return f"dict{len(value)}{parts}"
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    return f"{type(value).__module__}.{type(value).__qualname__} {name if isinstance(name, str) else ''}"


def modules() -> dict[str, str]:
    """Return every module with a digest of all that it holds."""
    return {
        name: _digest(
            f"{getattr(module, '__file__', '')}"
            f"{sorted((k, _told(v)) for k, v in list(vars(module).items()) if v is not TOLD)}"
        )
        for name, module in list(sys.modules.items())
        if name not in OWN and isinstance(module, types.ModuleType)
    }


NAMES = "argv path flags meta_path path_hooks warnoptions orig_argv executable prefix dont_write_bytecode"


def interpreter() -> dict[str, Any]:
    names = NAMES.split()
    said = {name: _told(getattr(sys, name, None)) for name in names}
    said |= {
        name: _told(getattr(sys, name))
        for name in "stdin stdout stderr excepthook displayhook unraisablehook".split()
    }
    said |= {
        "trace": _told(sys.gettrace()),
        "profile": _told(sys.getprofile()),
        "thread hooks": _told([getattr(threading, "_trace_hook", 0), getattr(threading, "_profile_hook", 0)]),
        "recursion": sys.getrecursionlimit(),
        "switch": sys.getswitchinterval(),
        "digits": sys.get_int_max_str_digits(),
        "async": _told(sys.get_asyncgen_hooks()[0]),
        "importers": _digest(str(sorted(sys.path_importer_cache))),
        "numbers": _digest(str([str(n + 0) for n in range(-5, 257)])),
        "gc": f"{gc.isenabled()} {gc.get_threshold()} {[_told(each) for each in gc.callbacks]} {len(gc.garbage)}",
        "atexit": atexit._ncallbacks(),
        "builtins": _digest(str(sorted((k, _told(v)) for k, v in vars(builtins).items() if k != "_"))),
        "threads": sorted(f"{each.name}{each.daemon}" for each in threading.enumerate()),
        "depth": len(list(_frames())),
    }
    return said


def _frames() -> Iterator[str]:
    frame: types.FrameType | None = sys._getframe()
    while frame:
        yield frame.f_code.co_filename
        frame = frame.f_back


def libraries() -> dict[str, Any]:
    import codecs
    import copyreg
    import decimal
    import linecache
    import locale
    import logging
    import random
    import socket
    import tempfile
    import time
    import warnings

    return {
        "loggers": _digest(
            str(
                sorted(
                    (n, getattr(each, "level", ""), _told(getattr(each, "handlers", [])))
                    for n, each in logging.root.manager.loggerDict.items()
                )
            )
        ),
        "root logger": f"{logging.root.level} {_told(logging.root.handlers)} {_told(logging.root.filters)}",
        "logging off": logging.root.manager.disable,
        "logger class": f"{_told(logging.getLoggerClass(), 0)} {_told(logging.getLogRecordFactory(), 0)} {sorted(logging._levelToName.items())}",
        "filters": _told(warnings.filters, 3),
        "pickling": sorted(each.__qualname__ for each in copyreg.dispatch_table),
        "decimal": repr(decimal.getcontext()),
        "locale": str(locale.setlocale(locale.LC_ALL)),
        "socket": socket.getdefaulttimeout(),
        "tempdir": tempfile.tempdir,
        "zone": time.tzname,
        "lines": sorted(name for name in linecache.cache if name.startswith("<") or "/tmp" in name),
        "codec": codecs.lookup("utf-8").name,
        "error handler": _told(codecs.lookup_error("strict"), 0),
        "random": type(random.random()).__name__,
    }


def process() -> dict[str, Any]:
    kinds = [signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF]
    mask = os.umask(0o22)
    os.umask(mask)
    status = _text("/proc/self/status").splitlines()
    kept = (
        "Name Umask State Pid PPid Uid Gid FDSize Groups NSpid Threads SigPnd ShdPnd SigBlk SigIgn SigCgt"
        " CapEff CapBnd NoNewPrivs Seccomp"
    ).split()
    return {
        "umask": mask,
        "cwd": os.getcwd(),
        "nice": os.nice(0),
        "ids": [os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0), os.getuid(), os.getgid()],
        "limits": [resource.getrlimit(each) for each in range(16)],
        "signals": [_told(signal.getsignal(each)) for each in sorted(signal.valid_signals())],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "timers": [bool(signal.getitimer(each)[0]) for each in kinds],
        "variables": _digest(str(sorted(item for item in os.environ.items() if item[0] not in UNLIKE))),
        **{f"status {line.partition(chr(58))[0]}": line for line in status if line.partition(":")[0] in kept},
        "command": [_text("/proc/self/cmdline"), _text("/proc/self/comm")],
        "affinity": len(os.sched_getaffinity(0)),
        "policy": os.sched_getscheduler(0),
        "oom": _text("/proc/self/oom_score_adj"),
        "program": os.readlink("/proc/self/exe"),
    }


UNLIKE = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_STREAM_NAME", "_X_AMZN_TRACE_ID",
}  # fmt: skip


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def descriptors() -> list[str]:
    found = []
    for name in sorted(os.listdir("/proc/self/fd"), key=int):
        try:
            found.append(f"{name} {os.readlink('/proc/self/fd/' + name).partition('[')[0].partition(':')[0]}")
        except OSError:
            continue  # it was the listing's own
    return found


def processes() -> list[str]:
    return sorted(
        f"{name} {_text(f'/proc/{name}/comm').strip()} {len(os.listdir(f'/proc/{name}/task'))}"
        for name in os.listdir("/proc")
        if name.isdigit()
    )


def files() -> dict[str, str]:
    found = {}
    for top in ("/tmp", "/dev", "/var/task", "/opt", "/etc", "/home", "/run"):
        for folder, _, names in os.walk(top):
            found[folder] = ""
            for name in names:
                path = os.path.join(folder, name)
                held = _text(path) if top == "/tmp" and os.path.isfile(path) else ""
                found[path] = f"{os.lstat(path).st_mode:o} {_digest(held)}"
    return {
        "listed": _digest(str(sorted(found))),
        **{path: told for path, told in found.items() if path.startswith("/tmp/")},
    }


def machine() -> dict[str, Any]:
    mounts = [line.split(" - ")[0].split()[4:6] for line in _text("/proc/self/mountinfo").splitlines()]
    sockets = {
        name: sorted(
            line.split()[1:4]
            for line in _text(f"/proc/net/{name}").splitlines()[1:]
            if line.split()[3] == "0A"
        )
        for name in ("tcp", "tcp6")
    }
    return {
        "mounts": _digest(str(sorted(mounts))),
        "listening": sockets,
        "unix": sorted(
            line.split()[-1]
            for line in _text("/proc/net/unix").splitlines()[1:]
            if line.split()[-1][:1] in "@/"
        ),
        "host": list(os.uname())[1:2],
        "tmp": [
            os.statvfs("/tmp").f_blocks - os.statvfs("/tmp").f_bfree,
            os.statvfs("/tmp").f_files - os.statvfs("/tmp").f_ffree,
        ],
    }


LOOKS: dict[str, Callable[[], Any]] = {
    "interpreter": interpreter,
    "process": process,
    "descriptors": descriptors,
    "processes": processes,
    "files": files,
    "machine": machine,
    "libraries": libraries,
    "modules": modules,
}
