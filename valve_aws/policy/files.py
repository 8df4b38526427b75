"""Door to the schema that ships beside this module.

Knows where it lies. Does not know what it says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).with_name("valve.schema.json")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy."""
    found: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return found
