"""How fast two sandboxes can signal by what is not closed: page cache, numbers of inodes, processors, pipes.

Knows a sender and a receiver for each, in slots of the clock. Does not judge. It is run by hand:
`python -m tests.sandbox.residues`.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.sandbox.scenes import Scene, play, players, run

BITS = 300
COLD = 1 << 20
"""Bytes of the file for each bit: more than the kernel reads ahead."""

CLOCK = """
import fcntl, json, os, sys, time
start, slot, bits = json.loads(sys.argv[1])
def until(n):
    while (left := start + n * slot - time.time()) > 0:
        time.sleep(left) if left > 0.002 else None
"""
SEEN = "\nprint(json.dumps(seen))\n"

# what is shared → (sender, receiver, slot in seconds); the receiver leaves a figure a slot in `seen`
CHANNELS = {
    "numbers of inodes": (
        "os.sched_setaffinity(0, {0})\nfor n, bit in enumerate(bits):\n until(n)\n"
        " if bit:\n  for _ in range(200):\n   a, b = os.pipe(); os.close(a); os.close(b)\n",
        "os.sched_setaffinity(0, {0})\nseen, last = [], 0\nfor n in range(len(bits)):\n until(n + 0.9)\n"
        " a, b = os.pipe(); now = os.fstat(a).st_ino; os.close(a); os.close(b)\n"
        " seen.append((now - last) % 1024); last = now\n",
        0.02,
    ),
    "page cache": (
        "f = os.open('/var/task/cold', os.O_RDONLY)\nfor n, bit in enumerate(bits):\n until(n)\n"
        " if bit: os.pread(f, 1, n << 20)\n",
        "f = os.open('/var/task/cold', os.O_RDONLY)\nseen = []\nfor n in range(len(bits)):\n until(n + 0.6)\n"
        " t = time.perf_counter(); os.pread(f, 1, n << 20); seen.append(t - time.perf_counter())\n",
        0.005,
    ),
    "one processor": (
        "os.sched_setaffinity(0, {0})\nfor n, bit in enumerate(bits):\n until(n)\n"
        " while bit and time.time() < start + (n + 0.95) * slot: pass\n",
        "os.sched_setaffinity(0, {0})\nseen = []\nfor n in range(len(bits)):\n until(n)\n count = 0\n"
        " while time.time() < start + (n + 0.9) * slot: count += 1\n seen.append(-count)\n",
        0.05,
    ),
    "pages of pipes": (
        "def more():\n kept = []\n for _ in range(240):\n  kept.extend(os.pipe())\n return kept\n"
        "children = []\n"
        "for n, bit in enumerate(bits):\n until(n)\n"
        " if bit:\n  for _ in range(5):\n   child = os.fork()\n   if not child:\n"
        "    k = more(); until(n + 0.8); os._exit(0)\n"
        "   children.append(child)\n"
        "  while children: os.waitpid(children.pop(), 0)\n",
        "seen = []\nfor n in range(len(bits)):\n until(n + 0.7)\n a, b = os.pipe()\n"
        " seen.append(-fcntl.fcntl(a, 1032)); os.close(a); os.close(b)\n",
        0.3,
    ),
}


def pair(sender: str, receiver: str, slot: float, bits: list[int], folder: str) -> list[float]:
    """Run both at once; return what the receiver saw in each slot."""
    told: list[Scene] = []
    given = {
        "arguments": [json.dumps([time.time() + 3, slot, bits])],
        "binds": [[folder, "/var/task"]],
        "directory": "/tmp",
    }
    threads = [
        threading.Thread(target=lambda code=code: told.append({code: run(CLOCK + code, **given)}))
        for code in (sender, receiver + SEEN)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both: Scene = {**told[0], **told[1]}
    seen: list[float] = json.loads(both[receiver + SEEN]["out"])
    return seen


def errors(seen: list[float], bits: list[int]) -> float:
    """Return the share of bits that the best threshold reads wrongly."""
    return min(
        sum((figure > threshold) != bool(bit) for figure, bit in zip(seen, bits, strict=True)) / len(bits)
        for threshold in seen
    )


def measure(channel: str, folder: str) -> tuple[float, float]:
    """Return bits a second, and the share of them that arrives wrongly."""
    sender, receiver, slot = CHANNELS[channel]
    count = BITS if slot < 0.1 else 40
    random.seed(7)
    bits = [random.getrandbits(1) for _ in range(count)]
    return 1 / slot, errors(pair(sender, receiver, slot, bits, folder), bits)


def told(rate: float, wrong: float) -> float:
    """Return bits of information a second, of a channel that turns bits over at random (Shannon)."""
    if wrong in (0, 1):
        return rate
    return rate * (1 + wrong * math.log2(wrong) + (1 - wrong) * math.log2(1 - wrong))


def cold(folder: Path) -> None:
    """Write the file that nobody has read, and push it out of the page cache."""
    with (folder / "cold").open("wb") as file:
        for _ in range(BITS):
            file.write(os.urandom(COLD))
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    """Print a line for each channel and player."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for who in players():
            for channel in CHANNELS:
                cold(folder)
                rate, wrong = play(who, "residue", channel=channel, folder=name)
                sys.stdout.write(f"{who:5} {channel:20} {told(rate, wrong):7.1f} bit/s\n")


if __name__ == "__main__":
    main()
