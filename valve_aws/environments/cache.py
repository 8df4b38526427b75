"""The door to the cache: folders by content, made once, whole or not at all, whoever else is making them.

Knows locks, renames and pip. Does not know what a function is.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

from valve_aws.environments import files
from valve_aws.environments.interpreters import Interpreter
from valve_aws.environments.languages import Node
from valve_aws.model.plural import counted
from valve_aws.model.source import Invalid, Where

RUNTIME = ("awslambdaric", "boto3")
"""What Lambda's Python runtime has beside the standard library."""
TAKEN = (
    *RUNTIME,
    "snapshot_restore_py",
    "simplejson",
    "botocore",
    "s3transfer",
    "jmespath",
    "python_dateutil",
    "six",
    "urllib3",
    "aws_durable_execution_sdk_python",
)
"""With what these need; the names are as `.dist-info` folders have them."""
LAYOUT = "2"
"""Changes when what a cached folder holds does, so that older ones are left alone."""
CLIENT = "aws-lambda-ric@3.3.0"
CLIENT_DIGEST = (
    "f69d3a4db2952b86b4e74358fef60ec61307be722252ee68d56d3ffeaeb234b4"
    "aa03f73dd699f804e8f70b7b114e9a6591436c189754e6a5b2536493a3a2fc84"
)
"""SHA-512 of the archive: what is fetched is what was looked at."""
CLIENT_FILES = ("package/dist/index.mjs", "package/LICENSE", "package/NOTICE", "package/THIRD-PARTY-LICENSES")
"""What is taken of it. Not its native part, which needs a compiler: `rapid-client.cjs` stands in for that."""
FROM_THE_REGISTRY = (
    "--ignore-scripts",
    *(f"--allow-{way}=none" for way in ("git", "file", "directory")),
    "--git=/dev/null",
)
"""What packages bring along is fetched, nothing of it runs, and nothing of it is this machine's.

Why a git that is none: an npm before 11.10 knows nothing of what is allowed, and in a package's repository it
asks the `.npmrc` there which program git is. What stands on the command line comes before that.
"""
INSTALL_LIMIT = 900.0
"""Seconds for one run of pip or npm."""


class Unavailable(Exception):
    """pip or npm could not install; the message is its reason."""


class Cache:
    """One cache folder. Safe for several processes; a killed one leaves nothing that is used."""

    def __init__(self, root: Path, say: Callable[[str], None]) -> None:
        """`say` gets lines of progress for people."""
        self._root = root
        self._say = say

    def get(
        self, kind: str, key: Iterable[str | bytes], make: Callable[[Path], None], what: str = ""
    ) -> Path:
        """Return the folder for a key, made by `make` in a folder of its own the first time.

        `what` is told while another process makes it. Raises what `make` raises, and Invalid when nothing
        can be written.
        """
        digest = hashlib.sha256(LAYOUT.encode())
        for part in key:
            content = part.encode() if isinstance(part, str) else part
            digest.update(len(content).to_bytes(8) + content)
        name = f"{kind}-{digest.hexdigest()[:32]}"
        final = self._root / name
        if final.is_dir():
            return final
        try:
            (self._root / "making").mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._root / "making" / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Invalid(
                Where(str(self._root)),
                f"the cache folder cannot be written: {error.strerror}",
                "set VALVE_CACHE to a folder that can",
            ) from error
        try:
            self._wait(lock, what or kind)
            if not final.is_dir():
                self._make(name, make)
        finally:
            os.close(lock)
        return final

    def _wait(self, lock: int, what: str) -> None:
        """Take the lock; it is the kernel's, so it goes with its holder."""
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._say(f"waiting for another valve that prepares {what}")
            fcntl.flock(lock, fcntl.LOCK_EX)

    def _make(self, name: str, make: Callable[[Path], None]) -> None:
        """Make a folder aside and move it into place. Whatever a killed maker left is removed first."""
        aside = self._root / "making" / name
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o755)
        try:
            make(aside)
            aside.rename(self._root / name)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise

    def readable(self, folder: Path) -> Path:
        """Return a folder, or a copy of it where the function's user could not read it (`files.closed`)."""
        if not files.closed(folder):
            return folder
        key = (str(folder), files.stamp(folder))
        return self.get("readable", key, lambda copy: files.opened(folder, copy))

    def empty(self) -> Path:
        """Return a folder with nothing in it."""
        return self.get("empty", (), lambda _: None)

    def runtime(self, interpreter: Interpreter, shims: Path) -> Path:
        """Return what shows as `/var/runtime`: our bootstrap, awslambdaric, boto3 and what they need.

        Raises Unavailable when another interpreter than our own needs packages that cannot be installed.
        """
        own = sorted(
            path.name
            for site in _sites()
            for path in site.glob("*.dist-info")
            if path.name.partition("-")[0].lower().replace("-", "_") in TAKEN
        )
        shim = [content for path in sorted(shims.glob("*.py")) for content in (path.name, path.read_bytes())]

        def make(folder: Path) -> None:
            if interpreter.own and find_spec("awslambdaric"):
                _take(folder)
            else:
                pins = [name.removesuffix(".dist-info").replace("-", "==", 1) for name in own]
                self._say(f"installing awslambdaric and boto3 for {interpreter.name} (once)")
                self._install(interpreter, folder, pins or list(RUNTIME), allow_build=False)
            for path in shims.glob("*.py"):
                shutil.copyfile(path, folder / path.name)
            _settle(interpreter, folder, "/var/runtime")

        return self.get(
            "runtime",
            (str(interpreter.executable), interpreter.name, *own, *shim),
            make,
            f"the runtime of {interpreter.name}",
        )

    def node_client(self, node: Node, shims: Path) -> Path:
        """Return what shows as `/var/runtime` to Node: AWS's own client, unmodified, and what starts it.

        Raises Unavailable when it cannot be had.
        """
        ours = [content for path in sorted(shims.glob("*.?js")) for content in (path.name, path.read_bytes())]

        def make(folder: Path) -> None:
            self._say("fetching aws-lambda-ric, AWS's runtime client for Node (once)")
            archive = folder / "client.tgz"
            _npm(node, folder, ["pack", CLIENT, "--pack-destination", str(folder)])
            next(folder.glob("aws-lambda-ric-*.tgz")).rename(archive)
            if hashlib.sha512(archive.read_bytes()).hexdigest() != CLIENT_DIGEST:
                raise Unavailable(f"{CLIENT} is another one than it was")
            files.unpack_some(archive, folder / "aws-lambda-ric", CLIENT_FILES)
            archive.unlink()
            for path in shims.glob("*.?js"):
                native = path.name == "rapid-client.cjs"
                there = (
                    folder / "aws-lambda-ric" / "dist" / "rapid-client.node" if native else folder / path.name
                )
                shutil.copyfile(path, there)

        return self.get("node", (CLIENT_DIGEST, *ours), make, "AWS's runtime client for Node")

    def node_packages(self, node: Node, needed: Mapping[str, str]) -> Path:
        """Return a `node_modules` with packages, given as name → range. Nothing of them runs while they are
        installed. Raises Unavailable with npm's reason."""
        lines = sorted(f"{name}@{versions}" for name, versions in needed.items())

        def make(folder: Path) -> None:
            began = monotonic()
            number = counted(len(lines), "package")
            self._say(f"installing {number} for Node (once): {', '.join(sorted(needed))[:200]}")
            aside = folder / ".installed"  # as no package can be called
            aside.mkdir()
            (aside / "package.json").write_text("{}")
            quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--omit=dev"]
            _npm(node, aside, ["install", *FROM_THE_REGISTRY, *quiet, "--", *lines])
            try:
                local = files.of_this_machine(aside / "node_modules")
            except ValueError as error:
                raise Unavailable(str(error)) from error
            if local:
                raise Unavailable(f"`{local}` would be taken from this machine")
            for entry in (aside / "node_modules").iterdir():
                entry.rename(folder / entry.name)
            shutil.rmtree(aside)
            self._say(f"installed them in {monotonic() - began:.1f} s")

        return self.get("node_modules", (str(node.major), *lines), make, "packages for Node")

    def packages(self, interpreter: Interpreter, lines: str, where: Where, allow_build: bool = False) -> Path:
        """Return a folder with the packages that requirement lines name. Raises Invalid with pip's reason."""
        many = lines.count("\n")
        names = f"{many} package{'s' if many > 1 else ''} of `{where.file}`"

        def make(folder: Path) -> None:
            began = monotonic()
            self._say(f"installing {names} for {interpreter.name} (once)")
            listed = folder.with_suffix(".txt")
            listed.write_text(lines)
            try:
                self._install(interpreter, folder, ["-r", str(listed)], allow_build)
            except Unavailable as error:
                remedy = "" if allow_build else "`--allow-build` lets what has no wheel build (and run code)"
                raise Invalid(where, f"the packages cannot be installed: {error}", remedy) from error
            finally:
                listed.unlink(missing_ok=True)
            _settle(interpreter, folder, "/var/packages")
            self._say(f"installed {names} in {monotonic() - began:.1f} s")

        key = (interpreter.name, str(interpreter.executable), lines, str(allow_build))
        return self.get("packages", key, make, names)

    def archive(self, archive: Path, where: Where) -> Path:
        """Return the folder that a zip archive unpacks to. Raises Invalid."""
        try:
            with archive.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as error:
            raise Invalid(where, f"`{archive}` cannot be read: {error.strerror}") from error
        return self.get(
            "archive", (digest,), lambda folder: files.unpack(archive, folder, where), f"`{archive.name}`"
        )

    def merged(self, folders: tuple[tuple[Path, str], ...]) -> Path:
        """Return one folder that holds what is in each (folder, where below); of two files the later one."""
        key = [part for folder, below in folders for part in (str(folder), below, files.stamp(folder))]

        def make(folder: Path) -> None:
            for source, below in folders:
                files.link_tree(source, folder / below if below else folder)

        return self.get("merged", key, make, "layers")

    def _install(self, interpreter: Interpreter, folder: Path, what: list[str], allow_build: bool) -> None:
        """Run pip: the interpreter's, else ours for it. It sees neither our packages nor our folder."""
        options = [
            "install",
            "--target",
            str(folder),
            "--no-input",
            "--disable-pip-version-check",
            "--quiet",
            "--no-warn-conflicts",
            "--no-compile",
            *([] if allow_build else ["--only-binary", ":all:"]),
            *what,
        ]
        tries = [
            [str(interpreter.executable), "-I", "-m", "pip", *options],
            [sys.executable, "-I", "-m", "pip", "--python", str(interpreter.executable), *options],
        ]
        reason = "pip is not there"
        for argv in tries:
            try:
                run = subprocess.run(
                    argv,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    check=False,
                    cwd=folder.parent,
                    stdin=subprocess.DEVNULL,
                    timeout=INSTALL_LIMIT,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                reason = str(error)
                continue
            if run.returncode == 0:
                return
            if "No module named pip" not in run.stderr:
                raise Unavailable(_reason(run.stderr))
        raise Unavailable(reason)


def _npm(node: Node, folder: Path, words: list[str]) -> None:
    """Run npm, the one beside that Node if there is one. Raises Unavailable."""
    path = f"{node.executable.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    npm = shutil.which("npm", path=path)
    if npm is None:
        raise Unavailable("npm, which comes with Node, is not on this host; it is needed once")
    try:
        run = subprocess.run(
            [npm, *words],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            timeout=INSTALL_LIMIT,
            env={**os.environ, "PATH": path, "npm_config_update_notifier": "false"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(str(error)) from error
    if run.returncode:
        errors = [line.partition("error ")[2] for line in run.stderr.splitlines() if " error " in f" {line}"]
        text = "; ".join(errors[:3]) or run.stderr.strip()[-300:] or "npm failed without a word"
        raise Unavailable(f"npm could not install: {re.sub(r'[^ -~]', ' ', text)[:600]}")


def _reason(said: str) -> str:
    """Return what pip gives as the error, in one line."""
    errors = [line.removeprefix("ERROR:").strip() for line in said.splitlines() if line.startswith("ERROR:")]
    text = "; ".join(errors[-2:]) or said.strip()[-300:] or "pip failed without a word"
    return re.sub(r"[^ -~]", " ", text)[:600]


def _sites() -> list[Path]:
    """Return the folders that our own awslambdaric and boto3 are in."""
    specs = (find_spec(name) for name in RUNTIME)
    return list(dict.fromkeys(Path(spec.origin).parent.parent for spec in specs if spec and spec.origin))


def _take(folder: Path) -> None:
    """Link what we have installed ourselves: the files of `TAKEN`, as their own records name them."""
    from importlib.metadata import PackageNotFoundError, distribution

    for name in TAKEN:
        try:
            taken = distribution(name)
        except PackageNotFoundError:
            continue
        for file in taken.files or ():
            source = Path(str(taken.locate_file(file)))
            # Why no compiled files: they name the folder that they were compiled in.
            if ".." not in file.parts and file.suffix != ".pyc" and source.is_file():
                files.link(source, folder / Path(*file.parts))


def _settle(interpreter: Interpreter, folder: Path, inside: str) -> None:
    """Compile what is in a folder, and let its programs start with the interpreter that is there, as where it
    shows: inside nothing can be written, so each cold start would pay for it, and no path of the host is to
    be read."""
    argv = [str(interpreter.executable), "-I", "-m", "compileall", "-q", "-s", str(folder), "-p", inside]
    subprocess.run([*argv, str(folder)], check=False, stdin=subprocess.DEVNULL, capture_output=True)
    before = f"#!{interpreter.executable}".encode()
    after = f"#!{interpreter.inside}".encode()
    for program in (folder / "bin").glob("*"):
        if program.is_file() and not program.is_symlink():
            content = program.read_bytes()
            if content.startswith(before) and before != after:
                mode = program.stat().st_mode
                program.unlink()  # it may be another name of a file that is not ours to change
                program.write_bytes(after + content.removeprefix(before))
                program.chmod(mode)
