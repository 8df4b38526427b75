"""D02: Files, sockets and memory that the next event reads.

Knows where a function can put things down. Does not know what becomes of the place.
"""

from __future__ import annotations

from typing import ClassVar

import pytest

from tests.attacks.residue import Residue, Way

SERVER = """
import os, socket
left, right = {make}
if not os.fork():
    os.setsid()
    while True:
        with left.accept()[0] as one: one.sendall(event["secret"].encode())
"""


class TestLeftData(Residue):
    ways: ClassVar[dict[str, Way]] = {
        "a file": ("open('/tmp/x', 'w').write(event['secret'])", "told['x'] = open('/tmp/x').read() if __import__('os').path.exists('/tmp/x') else ''"),
        "a hidden folder": (
            "import os; os.makedirs('/tmp/.a/.b'); open('/tmp/.a/.b/.c', 'w').write(event['secret'])",
            "import os; told['x'] = [open(os.path.join(d, f)).read() for d, _, fs in os.walk('/tmp') for f in fs]",
        ),
        "a name of a file": (
            "open('/tmp/' + event['secret'], 'w').close()",
            "import os; told['x'] = os.listdir('/tmp')",
        ),
        "a deleted file that stays open": (
            "import os; f = os.open('/tmp/x', os.O_RDWR | os.O_CREAT); os.write(f, event['secret'].encode()); os.unlink('/tmp/x')",
            "import os\nfor d in range(3, 30):\n try: told[d] = os.pread(d, 99, 0).decode()\n except Exception: pass",
        ),
        "a pipe that stays open": (
            "import os; r, w = os.pipe(); os.write(w, event['secret'].encode())",
            "import os\nfor d in range(3, 30):\n try:\n  if 'pipe' in os.readlink(f'/proc/self/fd/{d}'):\n"
            "   os.set_blocking(d, False); told[d] = os.read(d, 99).decode()\n except Exception: pass",
        ),
        "anonymous memory": (
            "import mmap, os; m = mmap.mmap(-1, 4096); m.write(event['secret'].encode()); app.m = m",
            "told['x'] = bytes(app.m[:99]).decode() if hasattr(app, 'm') else ''",
        ),
        "a server on loopback": (
            SERVER.format(make="socket.create_server(('127.0.0.1', 4000)), None"),
            "import socket\ntry: told['x'] = socket.create_connection(('127.0.0.1', 4000), 2).recv(99).decode()\n"
            "except OSError: pass",
        ),
        "an abstract socket": (
            "import os, socket\ns = socket.socket(socket.AF_UNIX); s.bind('\\0left'); s.listen()\n"
            "if not os.fork():\n os.setsid()\n while True:\n  with s.accept()[0] as one: one.sendall(event['secret'].encode())",
            "import socket\ns = socket.socket(socket.AF_UNIX); s.settimeout(2)\n"
            "try:\n s.connect('\\0left'); told['x'] = s.recv(99).decode()\nexcept OSError: pass",
        ),
        "a variable": (
            "import os; os.environ['LEFT'] = event['secret']",
            "import os; told['x'] = os.environ.get('LEFT', '')",
        ),
        "the name of a process": (
            "import subprocess; subprocess.Popen(['sh', '-c', 'sleep 900; :', event['secret']], start_new_session=True)",
            "import glob; told['x'] = [open(p, errors='replace').read() for p in glob.glob('/proc/[0-9]*/cmdline')]",
        ),
    }  # fmt: skip


KERNEL = {
    "System V memory": "if ctypes.CDLL(None).shmget(7, 4096, 0o1666) < 0: raise OSError",
    "a System V queue": "if ctypes.CDLL(None).msgget(7, 0o1666) < 0: raise OSError",
    "System V semaphores": "if ctypes.CDLL(None).semget(7, 1, 0o1666) < 0: raise OSError",
    "a posix queue": "if ctypes.CDLL('librt.so.1').mq_open(b'/x', 66, 0o666, None) < 0: raise OSError",
    "a memfd": "os.memfd_create('x')",
    "/dev/shm": "open('/dev/shm/x', 'w')",
}


@pytest.mark.parametrize("kind", KERNEL)
def test_what_would_belong_to_no_process_cannot_be_made(kind: str) -> None:
    """On the host each can; inside none, so nothing is there that could outlive its environment."""
    from tests.sandbox.scenes import outside, play, players

    code = f"import ctypes, os\ntry:\n {KERNEL[kind]}\n print('made')\nexcept OSError: print('none')"
    clear = "import ctypes\nl = ctypes.CDLL(None)\nl.shmctl(l.shmget(7, 0, 0), 0, None)\nl.msgctl(l.msgget(7, 0), 0, None)\nl.semctl(l.semget(7, 0, 0), 0, 0)\nctypes.CDLL('librt.so.1').mq_unlink(b'/x')"
    try:
        assert outside(code).strip() == "made"
    finally:
        outside(clear + "\nimport os\nif os.path.exists('/dev/shm/x'): os.unlink('/dev/shm/x')")
    assert play(players()[0], "run", code=code)["out"].strip() == "none"
