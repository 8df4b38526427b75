"""What tests do with sandboxes, as functions of plain values that can also be played by another user.

Knows how to run a snippet inside and outside. Does not judge what comes of it.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from valve_aws import sandbox
from valve_aws.model.plan import Bind, Jail, Plan

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"
NOBODY = "65533"
FORKED = " by zygote"
PYTHON: str = getattr(sys, "_base_executable", sys.executable)
PATIENCE = 20.0

Scene = dict[str, Any]


def players() -> list[str]:
    """Root and an ordinary user where tests run as root; else whoever runs them."""
    if os.geteuid() != 0:
        return ["user"]
    probe = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
        check=False,
        capture_output=True,
    )
    return ["root", "user"] if probe.returncode == 0 else ["root"]


def ways() -> list[str]:
    """Return the players, each with sandboxes that are started, and with such as are forked from a zygote."""
    return [f"{who}{how}" for how in ("", FORKED) for who in players()]


@cache
def reachable() -> Path:
    """Return a checkout that an ordinary user can read: a copy, as this one may lie in root's own folder."""
    folder = Path(tempfile.mkdtemp(prefix="valve-scenes-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for part in ("valve_aws", "tests/sandbox"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for current, _, names in os.walk(folder):
        Path(current).chmod(0o755)
        for name in names:
            Path(current, name).chmod(0o644)
    return folder


def play(who: str, scene: str, **given: Any) -> Any:
    """Play a scene of this file as root or as an ordinary user, and return what it returns."""
    forked = who.endswith(FORKED)
    if who.startswith("user") and os.geteuid() == 0:
        code = (
            f"import os; os.environ.update({dict.fromkeys([BY_ZYGOTE], '1') if forked else {}}); "
            f"import sys, json; sys.path[:0] = [{str(reachable())!r}]; "
            "from tests.sandbox import scenes; "
            "print(json.dumps(getattr(scenes, sys.argv[1])(**json.loads(sys.argv[2]))))"
        )
        drop = [
            "setpriv",
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
            SYSTEM_PYTHON,
            "-c",
            code,
        ]
        ran = subprocess.run(
            [*drop, scene, json.dumps(given)], capture_output=True, text=True, timeout=90, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)
    if not forked:
        return globals()[scene](**given)
    os.environ[BY_ZYGOTE] = "1"
    try:
        return globals()[scene](**given)
    finally:
        del os.environ[BY_ZYGOTE]


BY_ZYGOTE = "VALVE_SCENES_BY_ZYGOTE"
GOES_ON = """
import os, sys
sys.path.append("/var/valve")
from valve_aws.sandbox.zygote import spawner
born = spawner.serve(lambda argv, _: argv[:2] == sys.orig_argv[:2] and len(argv) == 3)
os.environ.clear()
os.environ.update(born["environ"])
exec(compile(born["argv"][2], "<string>", "exec"), {"__name__": "__main__"})
"""
"""What a zygote of these scenes runs: a child of it goes on with a snippet, and executes all else."""


@cache
def zygote() -> sandbox.Zygote:
    """Return the zygote of this process."""
    grown = sandbox.Zygote.grow(
        Plan(
            argv=(PYTHON, "-c", GOES_ON),
            environ={"PATH": "/usr/bin:/bin"},
            directory="/tmp",
            binds=sandbox.interpreter_binds(Path(PYTHON)),
        )
    )
    atexit.register(grown.close)
    return grown


def spawn(plan: Plan) -> Jail:
    """Make a sandbox in the way that this play is about."""
    return zygote().spawn(plan) if BY_ZYGOTE in os.environ else sandbox.spawn(plan)


def outside(code: str, *arguments: str) -> str:
    """Run a snippet on the host itself."""
    ran = subprocess.run(
        [PYTHON, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    return ran.stdout + ran.stderr


@contextmanager
def jailed(
    code: str = "", argv: list[str] | None = None, binds: list[list[str]] | None = None, **given: Any
) -> Iterator[Jail]:
    files = {path: content.encode() for path, content in given.pop("files", {}).items()}
    own = () if given.pop("bare", False) else sandbox.interpreter_binds(Path(PYTHON))
    shown = [Bind(Path(source), target) for source, target in binds or []]
    plan = Plan(
        argv=tuple(argv or [PYTHON, "-c", code, *given.pop("arguments", [])]),
        environ={"PATH": "/usr/bin:/bin", **given.pop("environ", {})},
        directory=given.pop("directory", "/tmp"),
        binds=(*own, *shown),
        files=files,
        **{"memory": 256, **given},
    )
    jail = spawn(plan)
    try:
        yield jail
    finally:
        jail.kill()
        assert jail.wait(PATIENCE) is not None
        for each in (*jail.listeners.tcp, *jail.listeners.udp):
            each.close()
        os.close(jail.stdout)
        os.close(jail.stderr)


def run(code: str = "", **given: Any) -> Scene:
    """Run to the end, answering on every listener; return output, status, and who called."""
    with jailed(code, **given) as jail:
        texts, called = serve(jail)
        status = jail.wait(PATIENCE)
        return {
            "out": texts[jail.stdout].decode("utf-8", "replace"),
            "err": texts[jail.stderr].decode("utf-8", "replace"),
            "status": status,
            "cause": getattr(jail, "cause", ""),
            "group": getattr(jail, "group", ""),
            "called": called,
            "every_port": jail.listeners.all_ports,
        }


def what_pid_1_holds() -> list[str] | str:
    """Return what the descriptors of pid 1 lead to, as the host sees it; `hidden` where it may not look."""
    with jailed("import time; time.sleep(60)") as jail:
        try:
            return sorted(_led_to(Path(f"/proc/{jail.pid}/fd")))
        except PermissionError:
            return "hidden"
        finally:
            jail.kill()


def _led_to(folder: Path) -> Iterator[str]:
    for each in folder.iterdir():
        # Why: pid 1 is at work; what it closed since the folder was listed, it does not hold.
        with suppress(FileNotFoundError):
            led, device = str(each.readlink()), each.stat().st_dev
            if led.partition("/proc")[0] == "" and device != Path("/proc").stat().st_dev:
                # It looks at its own processes at any moment: a /proc of theirs, which is not the host's.
                led = "own /proc"
            yield led.partition(":")[0]


def run_beside_many_descriptors(code: str, many: int) -> Scene:
    """Run a snippet inside while the process that started the sandbox has so many files open."""
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(many)]
    try:
        return run(code)
    finally:
        for descriptor in held:
            os.close(descriptor)


def serve(jail: Jail) -> tuple[dict[int, bytes], list[list[Any]]]:
    """Take in output and calls until the output ends: [protocol, address, port, first bytes] each."""
    texts = {jail.stdout: b"", jail.stderr: b""}
    sockets = {each.fileno(): each for each in (*jail.listeners.tcp, *jail.listeners.udp)}
    called: list[list[Any]] = []
    waiting = select.poll()
    for descriptor in (*texts, *sockets):
        waiting.register(descriptor, select.POLLIN)
    open_texts = set(texts)
    until = time.monotonic() + PATIENCE
    while open_texts and time.monotonic() < until:
        for descriptor, _ in waiting.poll(1000):
            if descriptor in sockets:
                called.append(_answer(sockets[descriptor]))
            elif chunk := os.read(descriptor, 65536):
                texts[descriptor] += chunk
            else:
                waiting.unregister(descriptor)
                open_texts.discard(descriptor)
    return texts, called


def _answer(listener: socket.socket) -> list[Any]:
    if listener.type == socket.SOCK_DGRAM:
        asked, ancillary, _, client = listener.recvmsg(512, 256)
        packed = ancillary[0][2]
        family = listener.family
        address = packed[8:12] if family == socket.AF_INET else packed[:16]
        listener.sendmsg([b"valve"], [(ancillary[0][0], ancillary[0][1], packed)], 0, client)
        return ["udp", socket.inet_ntop(family, address), 53, asked.decode("latin-1")]
    with listener.accept()[0] as connection:
        connection.settimeout(PATIENCE)
        first = connection.recv(512)
        connection.sendall(b"valve")
        return ["tcp", *connection.getsockname()[:2], first.decode("latin-1")]


def meet(holder: str, seeker: str, **given: Any) -> list[str]:
    """Run the seeker alone, and again while the holder, which says `held` and waits, is in a sandbox of its
    own; return what the seeker said each time."""
    alone = run(seeker, **given)["out"]
    with jailed(holder + WAIT, **given) as jail:
        told = b""
        while b"held" not in told and (chunk := os.read(jail.stdout, 4096)):
            told += chunk
        beside = run(seeker, **given)["out"]
    assert b"held" in told
    return [alone, beside]


WAIT = "\nprint('held', flush=True)\nimport signal; signal.pause()\n"


def meet_outside(holder: str, seeker: str) -> list[str]:
    """Do the same on the host itself."""
    alone = outside(seeker)
    with subprocess.Popen([PYTHON, "-c", holder + WAIT], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            return [alone, outside(seeker)]
        finally:
            process.kill()


def refused(**given: Any) -> Scene:
    """Spawn what cannot be; return the error and what it left behind."""
    if BY_ZYGOTE in os.environ:
        zygote()
    before = _surroundings()
    try:
        spawn(
            Plan(
                argv=tuple(given.get("argv", ["/bin/true"])),
                environ={},
                directory="/",
                binds=tuple(Bind(Path(source), target) for source, target in given.get("binds", [])),
                files={path: content.encode() for path, content in given.get("files", {}).items()},
            )
        )
    except sandbox.SandboxError as problem:
        after = _settled(before)
        return {"step": problem.step, "text": str(problem), "clean": before == after}
    return {}


def refused_beside_many() -> Scene:
    """The same with more descriptors open than `select` takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = [os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC) for _ in range(1100)]
    try:
        return refused(argv=["/usr/nowhere"])
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _surroundings() -> list[str]:
    """Our descriptors, our mounts, our children, and control groups that are nobody's."""
    ours = Path("/proc/self")
    descriptors = " ".join(sorted(each.name for each in (ours / "fd").iterdir()))
    children = (ours / "task" / str(os.getpid()) / "children").read_text()
    folders = (Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup"))
    groups = [str(folder) for folder in folders if folder.parent.name == "valve-aws" and _left(folder)]
    return [descriptors, (ours / "mountinfo").read_text(), children, " ".join(groups)]


def _settled(before: list[str]) -> list[str]:
    """Look again until it is as before, for a moment: other runs on this machine have control groups too,
    which end as ours do."""
    until = time.monotonic() + 5
    while (after := _surroundings()) != before and time.monotonic() < until:
        select.select([], [], [], 0.02)
        if set(after[-1].split()) <= set(before[-1].split()):
            return [*after[:-1], before[-1]]
    return after


def _left(group: Path) -> bool:
    return not Path("/proc", group.name.partition("-")[2]).exists()


def freeze() -> Scene:
    """Let two processes chatter; freeze, listen to the silence, thaw, listen again."""
    code = "import os; os.fork()\nwhile 1: os.write(1, b'x')"
    with jailed(code) as jail:
        waiting = select.poll()
        waiting.register(jail.stdout, select.POLLIN)
        heard = len(os.read(jail.stdout, 10))
        jail.freeze()
        while waiting.poll(50):  # what was written before
            os.read(jail.stdout, 1 << 20)
        silent = not waiting.poll(300)
        measured = jail.memory()
        jail.thaw()
        again = bool(waiting.poll(5000))
        return {"heard": heard, "silent": silent, "again": again, "measured": measured}


def call_in(name: str) -> Scene:
    """Call somebody who listens inside by a name, with a socket of the network there; then look for him from
    outside, and for a way in once all is over."""
    code = (
        f"import socket, sys\ns = socket.create_server(({name!r}, 40321)); print('up', flush=True)\n"
        "made, _ = s.accept(); print(made.recv(99).decode(), flush=True); import signal; signal.pause()"
    )
    with jailed(code) as jail:
        assert os.read(jail.stdout, 99) == b"up\n"
        with jail.line() as line:
            line.connect(("127.0.0.1", 40321))
            line.sendall(b"from the valve")
        heard = os.read(jail.stdout, 99).decode()
        with socket.socket() as outside:
            beside = outside.connect_ex(("127.0.0.1", 40321))
        jail.kill()
        jail.wait(PATIENCE)
        try:
            jail.line()
            after = "a way in"
        except ConnectionError:
            after = "none"
    return {"heard": heard, "beside": beside, "after": after}


def kill_many(marker: str) -> Scene:
    """Fill a sandbox with 200 children, kill it, and look for them from outside."""
    code = (
        "import os, signal, sys\n"
        "for _ in range(200):\n"
        "    if not os.fork():\n"
        "        os.setsid(); signal.signal(15, signal.SIG_IGN); signal.pause()\n"
        "print('full', flush=True); signal.pause()"
    )
    with jailed(argv=[PYTHON, "-c", code, marker]) as jail:
        os.read(jail.stdout, 5)
        alive = len(marked(marker))
        jail.kill()
        status = jail.wait(PATIENCE)
        return {"alive": alive, "left": len(marked(marker)), "status": status}


def die_holding(marker: str) -> Scene:
    """Start a sandbox from a process that is then killed with -9."""
    read, write = os.pipe()
    valve = os.fork()
    if not valve:
        try:
            argv = ("/bin/sh", "-c", "echo; exec sleep 1000")
            zygote.cache_clear()
            held = spawn(Plan(argv=argv, environ={"MARK": marker}, directory="/"))
            os.write(write, os.read(held.stdout, 1))
            signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    os.read(read, 1)
    os.close(read)
    before = len(marked(marker))
    os.kill(valve, signal.SIGKILL)
    os.waitpid(valve, 0)
    until = time.monotonic() + PATIENCE
    while marked(marker) and time.monotonic() < until:
        select.select([], [], [], 0.005)
    return {"before": before, "after": len(marked(marker))}


def marked(marker: str) -> list[int]:
    """Return host pids whose arguments or environment hold the marker, ours aside."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                told = (entry / "cmdline").read_bytes().split(b"\0") + (entry / "environ").read_bytes().split(
                    b"\0"
                )
            except OSError:
                continue
            if marker.encode() in told or f"MARK={marker}".encode() in told:
                found.append(int(entry.name))
    return found


def crowd() -> list[str]:
    """Start eight sandboxes from four threads."""
    with ThreadPoolExecutor(4) as pool:
        return [ran["out"] for ran in pool.map(lambda n: run(argv=["/bin/echo", str(n)]), range(8))]


def memory_grows() -> Scene:
    """Measure before and after 50 MiB are touched, and after they are let go."""
    code = (
        "import sys\nprint(1, flush=True); sys.stdin = open(0)\n"
        "import socket\ns = socket.create_connection(('1.2.3.4', 80))\n"
        "x = b'1' * (50 << 20); s.send(b'x'); s.recv(9); del x; s.send(b'y'); s.recv(9)"
    )
    with jailed(code) as jail:
        os.read(jail.stdout, 2)
        before = jail.memory()
        waiting = select.poll()
        for each in jail.listeners.tcp:
            waiting.register(each, select.POLLIN)
        number = waiting.poll(5000)[0][0]
        listener = next(each for each in jail.listeners.tcp if each.fileno() == number)
        with listener.accept()[0] as connection:
            connection.recv(1)
            during = jail.memory()
            connection.send(b"!")
            connection.recv(1)
            after = jail.memory()
            peak = jail.peak_memory()
            connection.send(b"!")
    return {"before": before, "during": during, "after": after, "peak": peak}


def meet_unix(path: str) -> str:
    """Connect to a UNIX socket from within; `@` starts an abstract name."""
    where = "\0" + path[1:] if path.startswith("@") else path
    code = f"import socket; s = socket.socket(socket.AF_UNIX); print(s.connect_ex({where!r}))"
    told: str = run(code)["out"]
    return told.strip()


def doctor() -> Scene:
    """What `valve doctor` would show."""
    found = sandbox.strength()
    return {"enforced": found.enforced, "checks": [list(check) for check in found.checks]}


def traces() -> Scene:
    """Run a few and compare what the host shows before and after."""
    run(argv=["/bin/true"])
    before = _surroundings()
    for _ in range(3):
        run(argv=["/bin/true"])
    after = _settled(before)
    return {"same": before == after, "before": before, "after": after}


def residue(channel: str, folder: str) -> list[float]:
    """Measure one of the signals that are not closed (`residues`)."""
    from tests.sandbox import residues

    return list(residues.measure(channel, folder))
