"""How long a command takes as a whole process, as whoever types it waits for it.

Knows command lines. Does not judge: budgets are marked in the table.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.conftest import APP, runtime, surroundings
from tests.bench.figures import Figures, Row, interleaved
from tests.differential.emulator import emulator

RUNS = 11
COMMANDS = {
    "valve --help": (("--help",), 200.0),
    "invoke, no AWS call": (("local", "invoke", "Bare"), 600.0),
    "invoke, S3 and DynamoDB on moto": (("local", "invoke", "Pair"), 2000.0),
}
"""With the budget of each, in ms."""


@pytest.mark.bench
def test_how_long_commands_take(tmp_path: Path, figures: Figures) -> None:
    """Interleaved with the emulator, which runs a function and judges nothing."""
    for what, (words, budget) in COMMANDS.items():
        argv = [sys.executable, "-m", "valve_aws.cli", *words]
        if words[0] == "local":
            argv += [
                "-t",
                str(APP / "template.yaml"),
                "--labels",
                str(tmp_path / "l.db"),
                "--audit",
                str(tmp_path / "a.jsonl"),
                "--parameter-overrides",
                f"Runtime={runtime()}",
            ]

        def valve(argv: list[str] = argv) -> list[float]:
            began = time.perf_counter()
            subprocess.run(
                argv,
                check=True,
                capture_output=True,
                cwd=tmp_path,
                env=surroundings(),
            )
            return [time.perf_counter() - began]

        def peer() -> list[float]:
            began = time.perf_counter()
            with emulator(APP / "bare", {}) as running:
                running.invoke({})
            return [time.perf_counter() - began]

        ways = {"emulator": peer, "valve": valve} if "Bare" in words else {"valve": valve}
        found = interleaved(RUNS, ways, 1000)
        figures.add("whole process", Row(what, "ms", found, found["valve"], budget, RUNS))
