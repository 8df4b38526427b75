"""D04: Threads and children that go on after the response and wake with the next event.

Knows how code runs on beside a handler. Does not know when it is let run.
"""

from __future__ import annotations

from typing import ClassVar

from tests.attacks.residue import Residue, Way

WATCH = """
import sys, time
sys.kept = []
def watch():
    while True:
        for frame in list(sys._current_frames().values()):
            while frame:
                said = str(frame.f_locals.get("event", ""))
                if "secret-of" in said and said not in sys.kept: sys.kept.append(said)
                frame = frame.f_back
        time.sleep(0.0005)
"""
LOOK = "import sys, time; time.sleep(0.05); told['x'] = getattr(sys, 'kept', [])"


class TestGoesOn(Residue):
    spies = True
    ways: ClassVar[dict[str, Way]] = {
        "a thread": (WATCH + "import threading; threading.Thread(target=watch, daemon=True).start()", LOOK),
        "a timer": (WATCH + "import threading; t = threading.Timer(0.001, watch); t.daemon = True; t.start()", LOOK),
        "an executor": (WATCH + "from concurrent.futures import ThreadPoolExecutor; app.pool = ThreadPoolExecutor(1); app.pool.submit(watch)", LOOK),
        "a signal": (WATCH.replace("    while True:\n        for", "    if True:\n        for").replace("        time.sleep(0.0005)\n", "") + "import signal; signal.signal(signal.SIGALRM, lambda *a: watch()); signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)", "import signal, sys; signal.setitimer(signal.ITIMER_REAL, 0); told['x'] = getattr(sys, 'kept', [])"),
    }  # fmt: skip


class TestGoesOnOutside(Residue):
    """Alice's own event leaves a process; whoever calls it later is told."""

    ways: ClassVar[dict[str, Way]] = {
        "a daemon": (
            "import os, socket\ns = socket.create_server(('127.0.0.1', 4001))\npid = os.fork()\n"
            "if not pid:\n os.setsid()\n if os.fork(): os._exit(0)\n"
            " while True:\n  with s.accept()[0] as one: one.sendall(event['secret'].encode())\n"
            "os.waitpid(pid, 0); s.close()",
            "import socket\ntry: told['x'] = socket.create_connection(('127.0.0.1', 4001), 2).recv(99).decode()\n"
            "except OSError: pass",
        ),
        "a child with its output": (
            "import subprocess; app.child = subprocess.Popen(['sh', '-c', 'read x; echo $0', event['secret']], stdin=-1, stdout=-1)",
            "told['x'] = app.child.communicate(b'\\n', 5)[0].decode() if hasattr(app, 'child') else ''",
        ),
    }  # fmt: skip
