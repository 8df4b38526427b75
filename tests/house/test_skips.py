"""A skipped test fails where VALVE_CI=1, unless it is listed with its reason.

Knows tests/conftest.py from outside, by running it. Does not know which skips are listed today.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

SKIPS = "import pytest\n\ndef test_it() -> None:\n    pytest.skip('no such tool here')\n"
SKIPS_WHOLE = "import pytest\n\npytest.importorskip('no_such_module')\n"


@pytest.mark.parametrize(
    ("content", "environ", "allowed", "passes"),
    [
        (SKIPS, {}, "", True),
        (SKIPS, {"VALVE_CI": "1"}, "", False),
        (SKIPS, {"VALVE_CI": "1"}, "test_x.py::test_it", False),
        (SKIPS, {"VALVE_CI": "1"}, "test_x.py::test_it  needs a tool\n", True),
        (SKIPS_WHOLE, {"VALVE_CI": "1"}, "", False),
        (SKIPS_WHOLE, {"VALVE_CI": "1"}, "test_x.py  needs a module\n", True),
        ("def test_it() -> None: pass\n", {"VALVE_CI": "1"}, "", True),
    ],
)
def test_a_skip_fails_in_ci_alone(
    tmp_path: Path, content: str, environ: dict[str, str], allowed: str, passes: bool
) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "allowed_skips.txt").write_text(allowed)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_x.py").write_text(content)
    (tmp_path / "test_y.py").write_text("def test_another() -> None: pass\n")
    base = {key: value for key, value in os.environ.items() if key != "VALVE_CI"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    ran = subprocess.run(
        command, cwd=tmp_path, env=base | environ, capture_output=True, text=True, timeout=110, check=False
    )
    assert (ran.returncode == 0) is passes, ran.stdout
