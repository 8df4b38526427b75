"""The door to the host: which interpreters it has, and where the cache lies.

Knows where Pythons are usually installed. Does not choose one.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from valve_aws.environments.interpreters import OLDEST, Interpreter, distance
from valve_aws.environments.languages import Node

NAME = re.compile(r"python3\.(\d{1,2})", re.ASCII)
NODE_VERSION = re.compile(rb"v(\d{1,3})\.\d+\.\d+\s*$", re.ASCII)
PROBE = (
    "import json,sys,ssl;print(json.dumps([sys.version_info[:2],sys.base_prefix,"
    "ssl.get_default_verify_paths().openssl_cafile]))"
)
PATIENCE = 10.0
"""Seconds for an interpreter to say what it is."""


def own() -> Interpreter:
    """Return the interpreter that runs the valve, itself and not its virtual environment."""
    version = (sys.version_info[0], sys.version_info[1])
    prefix = Path(sys.base_prefix)
    executable = prefix / "bin" / f"python{version[0]}.{version[1]}"
    if not executable.is_file():
        executable = Path(getattr(sys, "_base_executable", sys.executable) or sys.executable)
    return Interpreter(executable, version, prefix, ssl.get_default_verify_paths().openssl_cafile, own=True)


def others(want: tuple[int, int], limit: int) -> Iterator[Interpreter]:
    """Find the interpreters nearer to `want` than `limit`, the nearest first; each is started once to see."""
    named: list[tuple[int, Path]] = []
    for path in _candidates():
        match = NAME.fullmatch(path.name)
        version = (3, int(match[1])) if match else (0, 0)
        if version >= OLDEST and distance(version, want) < limit:
            named.append((distance(version, want), path))
    for far, path in sorted(named, key=lambda each: each[0]):
        found = probe(path)
        if found and distance(found.version, want) == far:
            yield found


def probe(executable: Path) -> Interpreter | None:
    """Ask an interpreter what it is; None when it does not start or is too old."""
    try:
        answer = subprocess.run(
            [executable, "-I", "-S", "-c", PROBE],
            capture_output=True,
            check=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
        )
        (major, minor), prefix, cafile = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return None
    if (major, minor) < OLDEST:
        return None
    true = Path(prefix) / "bin" / f"python{major}.{minor}"
    return Interpreter(true if true.is_file() else executable, (major, minor), Path(prefix), cafile)


def nodes() -> Iterator[Node]:
    """Return the Nodes of the host, each where it really lies; each is started once to say what it is."""
    user = Path.home()
    places = [
        *(Path(entry) / "node" for entry in os.get_exec_path()),
        Path("/usr/bin/node"),
        Path("/usr/local/bin/node"),
        Path("/opt/homebrew/bin/node"),
        *(user / ".nvm" / "versions" / "node").glob("*/bin/node"),
        *(user / ".local" / "share" / "fnm" / "node-versions").glob("*/installation/bin/node"),
        *(user / ".volta" / "tools" / "image" / "node").glob("*/bin/node"),
    ]
    for place in dict.fromkeys(path.resolve() for path in places if path.is_file()):
        try:
            said = subprocess.run(
                [place, "--version"],
                capture_output=True,
                check=True,
                timeout=PATIENCE,
                stdin=subprocess.DEVNULL,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            continue
        if match := NODE_VERSION.match(said):
            yield Node(place, int(match[1]))


def node_shown(node: Node) -> list[tuple[Path, str]]:
    """Return what of a Node shows, as (file, path inside); nothing of the system's own, which is there."""
    return [] if node.inside == str(node.executable) else [(node.executable, node.inside)]


def java_settings() -> list[tuple[Path, str]]:
    """Return the folders in which distributions keep what a Java of /usr reads, as (folder, path inside)."""
    found = (*Path("/etc").glob("java-*-openjdk"), Path("/etc/java"))
    return [(each, str(each)) for each in sorted(found) if each.is_dir() and not each.is_symlink()]


def shown(interpreter: Interpreter, empty: Path) -> list[tuple[Path, str]]:
    """Return what of an interpreter shows, as (folder or file, path inside); nothing of the system's own,
    which is there.

    Why at `/var/lang`: it is Lambda's place, and the host's path may hold somebody's name. The packages that
    the host has installed there are covered by `empty`.
    """
    names = ("python3", "python")  # what extensions and wrappers start
    parts = [(interpreter.executable, f"/var/lang/bin/{name}") for name in (interpreter.name, *names)]
    if interpreter.prefix == Path("/usr"):
        return parts[1:]
    for name in ("lib", "lib64"):
        folder = interpreter.prefix / name
        if folder.is_dir() and not folder.is_symlink():
            parts.append((folder, f"/var/lang/{name}"))
            if (folder / interpreter.name / "site-packages").is_dir():
                parts.append((empty, f"/var/lang/{name}/{interpreter.name}/site-packages"))
    return parts


def aside(interpreter: Interpreter, place: str) -> list[tuple[Path, str]]:
    """Return what of an interpreter shows at another place than Lambda's own; nothing of the system's."""
    if interpreter.prefix == Path("/usr"):
        return []
    library = interpreter.prefix / "lib" / interpreter.name
    binds = [(interpreter.executable, f"{place}/bin/{interpreter.name}")]
    # Why: some are built with their own library beside them.
    shared = library.parent.glob(f"lib{interpreter.name}.so*")
    binds += [(path, f"{place}/lib/{path.name}") for path in shared]
    return [*binds, (library, f"{place}/lib/{interpreter.name}")]


def cache_folder() -> Path:
    """Return `$VALVE_CACHE`, else the user's cache folder for us."""
    chosen = os.environ.get("VALVE_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "valve-aws"


def home() -> Path:
    """Return the user's home folder."""
    return Path.home()


def _candidates() -> Iterator[Path]:
    """Name what may be an interpreter, without version managers' stubs: they start whichever they like."""
    user = Path.home()
    roots = [
        *(Path(entry) for entry in os.get_exec_path() if not entry.rstrip("/").endswith("shims")),
        Path("/usr/bin"),
        Path("/usr/local/bin"),
        Path("/opt/homebrew/bin"),
        *sorted((user / ".pyenv" / "versions").glob("*/bin"), reverse=True),
        *sorted((user / ".local" / "share" / "uv" / "python").glob("*/bin"), reverse=True),
    ]
    for root in dict.fromkeys(roots):
        yield from sorted(root.glob("python3.[0-9][0-9]"))
