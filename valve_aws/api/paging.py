"""Lists that are given in pages.

Knows markers, which are places in a list. Does not know what is listed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from valve_aws.api.fault import Fault


def page(key: str, found: Sequence[Any], params: Mapping[str, Any], most: int = 50) -> dict[str, Any]:
    """Return the page that is asked for, with the marker of the next one if there is one. Raises `Fault`."""
    start, size = _place(params.get("Marker")), int(params.get("MaxItems") or most)
    told: dict[str, Any] = {key: list(found[start : start + size])}
    if start + size < len(found):
        told["NextMarker"] = base64.b64encode(str(start + size).encode()).decode()
    return told


def _place(marker: str | None) -> int:
    try:
        return int(base64.b64decode(marker, validate=True)) if marker else 0
    except (ValueError, binascii.Error) as error:
        raise Fault("InvalidParameterValueException", "Invalid Marker") from error
