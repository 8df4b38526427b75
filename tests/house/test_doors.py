"""Sockets, processes, files, clocks and randomness enter only by files named as doors.

Knows the names of doors and of what lies outside. Does not judge what a door does with it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import PACKAGE, Module, imports, listed, modules, spelled

# file name -> what comes in there
DOORS = {
    "cache.py": "files that can be made again",
    "clock.py": "time",
    "files.py": "files",
    "host.py": "a process of our own, from within",
    "listener.py": "sockets that listen",
    "process.py": "child processes",
    "server.py": "sockets that answer",
    "sink.py": "a file that only grows",
    "spawner.py": "namespaces and the processes in them",
    "sqlite.py": "the label book's file",
    "upstream.py": "sockets that call",
}
# Modules that join rooms, and so hand a door's things over.
DOORS_AMONG_JOINTS = frozenset(
    """
    application.py cli.py clock.py cloud.py valve.py
    answering/controlling.py commands/samconfig.py commands/told.py commands/verbs.py
    cooperative/guarding.py cooperative/inprocess.py passage/driver.py
    running/debugging.py running/housing.py running/preparing.py running/quoting.py running/revising.py
    running/triggering.py staying/lasting.py staying/standing.py staying/up.py
    """.split()
)

# (path, what) -> why; a line that is not needed fails
EXCEPTIONS = {
    ("valve_aws/attack/ground.py", "open"): "it opens a valve, no file",
    ("valve_aws/localstack/front.py", "open"): "it opens a valve, no file",
    ("valve_aws/localstack/keeper.py", "open"): "it opens a valve, no file",
    ("valve_aws/model/plan.py", "socket"): "names the type of a listener that was made elsewhere",
    ("valve_aws/pytest_plugin/session.py", "open"): "it opens a valve, no file",
    ("valve_aws/proxy/authority.py", "load_cert_chain"): "from memory alone, through `files.in_memory`",
}

OUTSIDE = frozenset(
    """
    ctypes fcntl ftplib getpass http.client http.server imaplib mmap multiprocessing poplib pty random
    resource sched select selectors shutil smtplib socket socketserver sqlite3 subprocess tempfile
    urllib.request urllib3 webbrowser
    """.split()
)

# module -> what of it, besides constants, is calculation; the rest of it is the machine
CALCULATION = {
    "os": frozenset(
        """
        PathLike fsdecode fsencode fspath path path.basename path.commonpath path.commonprefix path.dirname
        path.isabs path.join path.normpath path.sep path.split path.splitext sep strerror
        """.split()
    ),
    "secrets": frozenset({"compare_digest"}),
    "signal": frozenset({"Signals"}),
    "ssl": frozenset(
        """
        MemoryBIO SSLContext SSLEOFError SSLError SSLObject SSLWantReadError SSLWantWriteError
        SSLZeroReturnError TLSVersion
        """.split()
    ),
    "time": frozenset({"gmtime", "strftime", "strptime", "struct_time"}),
    "uuid": frozenset({"UUID", "uuid3", "uuid5"}),
}

# Calculation with this many arguments, the clock with fewer.
CLOCK_IF_FEWER = {"time.gmtime": 1, "time.strftime": 2}

CALLS_OUTSIDE = frozenset(
    """
    open input io.open io.FileIO breakpoint
    datetime.now datetime.utcnow datetime.today date.today
    datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today
    asyncio.open_connection asyncio.open_unix_connection asyncio.start_server asyncio.start_unix_server
    asyncio.create_subprocess_exec asyncio.create_subprocess_shell
    Path.cwd Path.home pathlib.Path.cwd pathlib.Path.home
    """.split()
)

STREAMS = frozenset({"sys.stdin", "sys.stdout", "sys.stderr", "sys.argv"})

# Methods of whatever object: an event loop, a path.
METHODS_OUTSIDE = frozenset(
    """
    add_reader add_writer connect_accepted_socket create_connection create_datagram_endpoint create_server
    create_unix_connection create_unix_server sock_accept sock_connect sock_recv sock_sendall start_tls
    subprocess_exec subprocess_shell
    load_cert_chain load_default_certs load_verify_locations set_default_verify_paths wrap_socket
    expanduser hardlink_to is_dir is_file is_symlink iterdir lchmod lstat mkdir read_bytes read_text readlink
    rglob rmdir samefile symlink_to touch unlink write_bytes write_text
    """.split()
)

# Methods whose names mean other things too, so they count where `Path` is known.
METHODS_OF_A_PATH = frozenset({"absolute", "chmod", "exists", "glob", "open", "resolve", "stat", "walk"})


def test_what_lies_outside_enters_only_by_doors() -> None:
    crossings = {
        f"{module.path}:{line}: {what}"
        for module in modules()
        if not is_door(module)
        for what, line in crossings_of(module)
        if (module.path, what) not in EXCEPTIONS
    }
    assert not crossings, listed(crossings, "take it as an argument, or through a port that a door fills")


def test_every_exception_is_still_needed() -> None:
    needed = {(m.path, what) for m in modules() if not is_door(m) for what, _ in crossings_of(m)}
    assert not EXCEPTIONS.keys() - needed


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import socket", ["socket"]),
        ("from time import monotonic", ["time.monotonic"]),
        ("import time\ntime.strftime('%Y', parts)\ntime.strftime('%Y')", ["time.strftime"]),
        ("def f(time):\n    return time.second", []),
        ("import time as clock", ["time"]),
        (
            "import ssl\nssl.MemoryBIO()\nssl.OP_ALL\nssl.create_default_context()",
            ["ssl.create_default_context"],
        ),
        ("import uuid\nuuid.UUID(x)\nuuid.uuid4()", ["uuid.uuid4"]),
        ("import os\nos.open('x', os.O_RDONLY)", ["os.open"]),
        ("import os\nos.environ['x']", ["os.environ"]),
        ("from os import fork, fspath", ["os.fork"]),
        ("import os\nos.path.join('a', 'b')\nos.path.exists('a')", ["os.path.exists"]),
        ("from datetime import datetime\ndatetime.now()\ndatetime.fromtimestamp(0)", ["datetime.now"]),
        ("open('x')", ["open"]),
        ("x.read_text()", ["read_text"]),
        ("x.exists()", []),
        ("from pathlib import Path\nx.exists()", ["exists"]),
        ("from pathlib import PurePath\nx.exists()", []),
        ("from pathlib import Path\nServer.open()", []),
        ("import asyncio\nasyncio.Queue()\nasyncio.start_server(f)", ["asyncio.start_server"]),
        ("def f():\n    import subprocess as s", ["subprocess"]),
        ("open('x').a.b.touch()", ["touch", "open"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import socket", []),
        ("import urllib.parse\nimport urllib.request", ["urllib.request"]),
        ("import sys\nsys.stderr.write('x')\nsys.version_info", ["sys.stderr"]),
    ],
)
def test_the_search_tells_outside_from_inside(text: str, found: list[str]) -> None:
    assert [
        what for what, _ in crossings_of(Module("valve_aws/x.py", "valve_aws.x", text, ast.parse(text)))
    ] == found


def is_door(module: Module) -> bool:
    folder, _, name = module.path.removeprefix(f"{PACKAGE}/").rpartition("/")
    return f"{folder}/{name}".lstrip("/") in DOORS_AMONG_JOINTS or (bool(folder) and name in DOORS)


def crossings_of(module: Module) -> list[tuple[str, int]]:
    return [*_by_import(module), *_by_name(module)]


def _by_import(module: Module) -> Iterator[tuple[str, int]]:
    for each in imports(module):
        parts = each.target.split(".")
        heads = {".".join(parts[: n + 1]) for n in range(len(parts))}
        if not each.types_only:
            yield from ((head, each.line) for head in sorted(heads & OUTSIDE))


def _by_name(module: Module) -> Iterator[tuple[str, int]]:
    methods = METHODS_OUTSIDE | (METHODS_OF_A_PATH if _knows_paths(module) else frozenset())
    whole = {each.target.partition(".")[0] for each in imports(module)} & CALCULATION.keys()
    for node in _outermost(module.tree):
        match node:
            case ast.ImportFrom(str(stem), names, 0) if stem.partition(".")[0] in CALCULATION:
                yield from (
                    (what, node.lineno) for alias in names if (what := _machine(f"{stem}.{alias.name}"))
                )
            case ast.Import(names):
                renamed = [alias.name for alias in names if alias.asname and alias.name in CALCULATION]
                yield from ((name, node.lineno) for name in renamed)
            case ast.Call(function, given) if CLOCK_IF_FEWER.get(spelled(function), 0) > len(given):
                yield spelled(function), node.lineno
            case ast.Call(function) if spelled(function) in CALLS_OUTSIDE:
                yield spelled(function), node.lineno
            case ast.Call(ast.Attribute(_, name) as function) if name in methods:
                owner = spelled(function).partition(".")[0]
                if owner not in whole and not (name in METHODS_OF_A_PATH and owner[:1].isupper()):
                    yield name, node.lineno
            case ast.Attribute():
                name = spelled(node)
                if name.partition(".")[0] in whole and (what := _machine(name)):
                    yield what, node.lineno
                if (stream := ".".join(name.split(".")[:2])) in STREAMS:
                    yield stream, node.lineno


def _machine(name: str) -> str:
    """What of a module that is partly calculation `name` takes from the machine; empty if nothing."""
    module, _, rest = name.partition(".")
    depth = 2 if rest.startswith("path.") else 1
    part = ".".join(rest.split(".")[:depth])
    return "" if part in CALCULATION[module] or part.split(".")[-1].isupper() else f"{module}.{part}"


def _outermost(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node, but of a chain `a.b.c` only the whole."""
    ahead: list[ast.AST] = [tree]
    while ahead:
        node = ahead.pop(0)
        yield node
        while isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            node = node.value
        ahead[:0] = ast.iter_child_nodes(node)


def _knows_paths(module: Module) -> bool:
    return any(
        (
            isinstance(node, ast.ImportFrom)
            and node.module == "pathlib"
            and "Path" in {a.name for a in node.names}
        )
        or (isinstance(node, ast.Attribute) and spelled(node) == "pathlib.Path")
        for node in ast.walk(module.tree)
    )
