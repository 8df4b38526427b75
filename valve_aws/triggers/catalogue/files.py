"""The catalogue of sample events as it lies beside this module: one JSON file for each service.

Knows how a service's file is laid out. Does not know what a place in an event is filled with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("events")


@dataclass(frozen=True, slots=True)
class Sample:
    """One event: what it tells of, its options with their defaults, and its shape with places to fill."""

    about: str
    options: Mapping[str, str]
    shape: Any


def services() -> list[str]:
    """Return the services of the catalogue, by their names on the command line, sorted."""
    return sorted(path.stem for path in FOLDER.iterdir() if path.suffix == ".json")


def service_name(service: str) -> str:
    """Return what a service is called. Raises KeyError for one that is not there."""
    name: str = _read(service)["service"]
    return name


def samples(service: str) -> list[str]:
    """Return the events of a service, sorted. Raises KeyError for a service that is not there."""
    return sorted(_read(service)["events"])


def sample(service: str, event: str) -> Sample:
    """Return one event. Raises KeyError where there is none of that name."""
    found = _read(service)["events"][event]
    return Sample(found["about"], found["options"], found["event"])


@cache
def _read(service: str) -> dict[str, Any]:
    if service not in services():
        raise KeyError(service)
    found: dict[str, Any] = json.loads((FOLDER / f"{service}.json").read_text(encoding="utf-8"))
    return found
