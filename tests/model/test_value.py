"""Values are compared and hashed by what they hold, and never changed, which the checker of types watches."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from valve_aws.model.cell import Cell, Extent, Part

ROOT = Path(__file__).parents[2]


def test_values_that_hold_the_same_are_the_same() -> None:
    assert {Extent("a", Part.NAMES): 1}[Extent("a", Part.NAMES)] == 1
    assert Cell("a", "b") == replace(Cell("a", "c"), name="b") != Cell("a", "c")
    assert not hasattr(Cell("a", "b"), "__dict__")


def test_whoever_changes_a_value_is_told_when_types_are_checked(tmp_path: Path) -> None:
    code = tmp_path / "changes.py"
    code.write_text('from valve_aws.model.cell import Cell\n\ncell = Cell("a", "b")\ncell.name = "c"\n')
    asked = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), str(code)]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert '4: error: Property "name" defined in "Cell" is read-only' in told.stdout
    assert "Found 1 error" in told.stdout
