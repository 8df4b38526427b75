"""Which plays of an ordinary user are repetitions.

Knows who plays. Does not know any scene.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have what root has an ordinary user play run once: the system's own Python plays it, and so the second
    Python of `.ci/run` would see the same again."""
    here = Path(__file__).parent
    for item in items if os.geteuid() == 0 else ():
        call = getattr(item, "callspec", None)
        if item.path.parent == here and call and str(call.params.get("who")).startswith("user"):
            item.add_marker(pytest.mark.slow)
