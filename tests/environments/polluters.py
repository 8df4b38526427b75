"""What a handler can leave behind, as pieces of code; and random handlers made of them.

Knows ways of staying in a process, an interpreter, a sandbox. Does not know whether any of them works.
"""

from __future__ import annotations

import random
from collections.abc import Callable

KINDS: dict[str, str] = {
    "a global": "import sys; sys.modules['app'].{name} = [1]",
    "a module": "import sys, types; sys.modules['{name}'] = types.ModuleType('{name}')",
    "an own finder": "import sys; sys.meta_path.insert(0, type('{name}', (), {{'find_spec': lambda *a: None}})())",
    "a path hook": "import sys; sys.path_hooks.append(type('{name}', (), {{'__init__': lambda *a: 1 / 0}}))",
    "a folder on the path": "import sys; sys.path.insert({n} % 2, '/tmp/{name}')",
    "a built-in": "import builtins; builtins.len = (lambda true: lambda x: true(x))(len)",
    "a new built-in": "import builtins; builtins.{name} = {n}",
    "json": "import json; json.dumps = lambda *a, **k: '{name}'",
    "a method": "import json; json.JSONEncoder.default = lambda self, o: '{name}'",
    "the sdk": "import boto3; boto3.client = boto3.resource",
    "socket": "import socket; socket.getaddrinfo = lambda *a, **k: []",
    "os": "import os; os.getpid, os.{name} = os.getppid, {n}",
    "random": "import random; random.random = lambda: 0.{n}",
    "at exit": "import atexit; atexit.register(print, '{name}')",
    "a signal": "import signal; signal.signal(signal.SIGUSR1, lambda *a: None)",
    "a blocked signal": "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])",
    "a timer": "import signal; signal.signal(signal.SIGALRM, signal.SIG_IGN); signal.setitimer(signal.ITIMER_REAL, 900)",
    "a fault handler": "import faulthandler; faulthandler.register(10)",
    "a thread": "import threading, time; threading.Thread(target=time.sleep, args=(900,), name='{name}', daemon=True).start()",
    "a timer thread": "import threading; t = threading.Timer(900, print); t.daemon = True; t.start()",
    "a child": "import subprocess; subprocess.Popen(['sleep', '9{n}'])",
    "a daemon": (
        "import os, time\npid = os.fork()\nif not pid:\n os.setsid()\n if os.fork(): os._exit(0)\n"
        " for d in (1, 2): os.close(d)\n time.sleep(900)\n os._exit(0)\nos.waitpid(pid, 0)"
    ),
    "a file": "open('/tmp/{name}', 'w').write('{n}')",
    "a folder": "import os; os.makedirs('/tmp/{name}/{n}')",
    "a link": "import os; os.symlink('/var/task/app.py', '/tmp/{name}')",
    "a pipe in /tmp": "import os; os.mkfifo('/tmp/{name}')",
    "a socket in /tmp": "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind('/tmp/{name}'); s.listen(); sys.modules['app'].{name} = s",
    "a .pth": "open('/tmp/{name}.pth', 'w').write('import {name}')",
    "sitecustomize": "import sys; open('/tmp/sitecustomize.py', 'w').write('x = {n}'); sys.path.append('/tmp')",
    "/dev/shm": "open('/dev/shm/{name}', 'w').write('{n}')",
    "shared memory": "from multiprocessing import shared_memory; shared_memory.SharedMemory('{name}', True, 64)",
    "System V memory": "import ctypes\nif ctypes.CDLL(None).shmget({n}, 4096, 0o1666) < 0: raise OSError",
    "a System V queue": "import ctypes\nif ctypes.CDLL(None).msgget({n}, 0o1666) < 0: raise OSError",
    "a posix queue": "import ctypes\nif ctypes.CDLL('librt.so.1').mq_open(b'/{name}', 66, 0o666, None) < 0: raise OSError",
    "a memfd": "import os; os.memfd_create('{name}')",
    "a variable": "import os; os.environ['{name}'] = '{n}'",
    "a zone": "import os, time; os.environ['TZ'] = 'XYZ{n}'; time.tzset()",
    "the folder": "import os; os.chdir('/tmp')",
    "umask": "import os; os.umask(0o077)",
    "a limit": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (2{n} % 100 + 60, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))",
    "a niceness": "import os; os.nice({n} % 5 + 1)",
    "affinity": "import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}) if len(os.sched_getaffinity(0)) > 1 else os.nice(1)",
    "a name": "import ctypes; ctypes.CDLL(None).prctl(15, b'{name}', 0, 0, 0)",
    "a descriptor": "import os; os.dup2(os.open('/dev/null', os.O_RDONLY), 40 + {n} % 20)",
    "an open pipe": "import os; os.pipe()",
    "a listener": "import socket, sys; sys.modules['app'].{name} = socket.create_server(('127.0.0.1', 0))",
    "a connection": "import socket, sys; sys.modules['app'].{name} = socket.socketpair()",
    "a standard stream": "import sys; sys.stderr = sys.__stderr__ = type('{name}', (), {{'write': len, 'flush': lambda s: 0}})()",
    "a log handler": "import logging; logging.getLogger().addHandler(logging.NullHandler())",
    "a log level": "import logging; logging.getLogger('{name}').setLevel({n})",
    "a logger class": "import logging; logging.setLoggerClass(type('{name}', (logging.Logger,), {{}}))",
    "logging off": "import logging; logging.disable({n})",
    "a collector's callback": "import gc; gc.callbacks.append(lambda *a: None)",
    "the collector off": "import gc; gc.disable()",
    "a threshold": "import gc; gc.set_threshold({n}, 5, 5)",
    "a trace": "import sys, threading; threading.settrace(lambda *a: None); sys.settrace(lambda *a: None)",
    "a profile": "import threading; threading.setprofile(lambda *a: None)",
    "an audit hook": "import sys, builtins\ndef hook(*a): builtins.{name} = {n}\nsys.addaudithook(hook)",
    "a number": "import ctypes; ctypes.c_uint32.from_address(id(25{n} % 4 + 250) + 24).value = 7",
    "decimals": "import decimal; decimal.getcontext().prec = {n} % 20 + 2; decimal.setcontext(decimal.getcontext())",
    "a time-out": "import socket; socket.setdefaulttimeout({n})",
    "a temporary folder": "import tempfile; tempfile.tempdir = '/tmp/{name}'",
    "a warning": "import warnings; warnings.simplefilter('error', UserWarning)",
    "pickling": "import copyreg; copyreg.pickle(type('{name}', (), {{}}), str)",
    "an error handler": "import codecs; codecs.register_error('strict', lambda e: ('', e.end))",
    "a hook of errors": "import sys, threading; sys.excepthook = threading.excepthook = lambda *a: None",
    "recursion": "import sys; sys.setrecursionlimit(2{n})",
    "a switch interval": "import sys; sys.setswitchinterval(0.0{n})",
    "lines": "import linecache; linecache.cache['<{name}>'] = (1, None, ['x'], '<{name}>')",
    "the handler": "import sys; sys.modules['app'].handler = (lambda true: lambda e, c: true(e, c))(sys.modules['app'].handler)",
    "the runtime": "import awslambdaric.bootstrap as b; b.handle_event_request = (lambda t: lambda *a, **k: t(*a, **k))(b.handle_event_request)",
}  # fmt: skip

CANNOT = {"/dev/shm", "shared memory", "System V memory", "a System V queue", "a posix queue", "a memfd"}
"""Kinds that the walls do not let be."""


def handlers(many: int, seed: int) -> list[tuple[str, str]]:
    """Return (what it leaves, code) of random handlers: every kind alone first, then several together."""
    draw = random.Random(seed)
    kinds = list(KINDS)
    draw.shuffle(kinds)
    chosen = [[kind] for kind in kinds]
    chosen += [draw.sample(kinds, draw.randint(2, 4)) for _ in range(max(many - len(kinds), 0))]
    return [(", ".join(each), "\n".join(map(_piece(draw), each))) for each in chosen[:many]]


def _piece(draw: random.Random) -> Callable[[str], str]:
    def piece(kind: str) -> str:
        name = "left_" + "".join(draw.choices("abcdefghij", k=6))
        code = KINDS[kind].format(name=name, n=draw.randint(10, 99)).replace("\n", "\n    ")
        return f"try:\n    {code}\nexcept (OSError, ImportError, AttributeError): cannot.append({kind!r})"

    return piece
