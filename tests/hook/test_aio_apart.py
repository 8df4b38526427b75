"""The cases of aiobotocore are run with an installation of its own, since it wants an older botocore.

Knows pip and pytest. Does not know the cases.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

QUIET = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-compile")


@pytest.mark.slow
def test_coroutines_are_guarded_beside_the_botocore_that_aiobotocore_wants(tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    wanted = ("aiobotocore>=2.20", "boto3")
    pip = (sys.executable, "-m", "pip", "install", *QUIET, "--target", str(beside), *wanted)
    installed = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert installed.returncode == 0, installed.stderr
    told = {**os.environ, "PYTHONPATH": os.pathsep.join([str(beside), str(ROOT)])}
    cases = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/hook/test_aio.py")
    done = subprocess.run(cases, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.findall(r"(\d+) passed in ", done.stdout)
    assert int(passed[0]) >= 20
