"""The sample of moto's in-process pattern, run as its README says.

Knows its two commands. Does not know what is in it.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.house.source import ROOT


@pytest.mark.parametrize(("wanted", "says"), [({}, "1 passed"), ({"WANTED": "id,street,email"}, "1 failed")])
def test_it_passes_and_fails_at_the_leak_when_it_reads_more_than_it_needs(
    wanted: dict[str, str], says: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "samples/in_process"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **wanted},
        capture_output=True,
        text=True,
        check=False,
    )
    assert says in ran.stdout
    if wanted:
        assert "REFUSED" in ran.stdout
        assert "Ship → sqs:SendMessage Parcels" in ran.stdout
        assert "pii/email; Parcels accepts nothing" in ran.stdout
