"""The door to botocore's model files on disk.

Knows where an installed botocore keeps its JSON models and how they are packed. Does not import botocore
(that costs 130 ms) and does not know what a model means. """

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

HEAD = 4096
"""Bytes of a model that are sure to hold its `metadata` (the longest of botocore 1.44 ends before 1,100)."""

NAMES = ("service-2.json.gz", "service-2.json")
"""Packed since botocore 1.29, plain before."""


class ModelMissing(Exception):
    """There is no readable botocore model of that name."""


@cache
def root() -> Path:
    """Return botocore's `data` folder; raises `ModelMissing` when botocore is not installed."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise ModelMissing("botocore is not installed; `pip install botocore` mends it")
    return Path(spec.origin).parent / "data"


def model(service: str) -> dict[str, Any]:
    """Return the newest model of a service, whole, by botocore's own name for it (`s3`, `stepfunctions`)."""
    path = newest(root() / service)
    if path is None:
        raise ModelMissing(f"botocore has no model of `{service}`")
    raw = path.read_bytes()
    loaded: dict[str, Any] = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    return loaded


def metadata() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (service, metadata) of every service that botocore knows, reading only the head of each file."""
    decode = json.JSONDecoder().raw_decode
    for folder in sorted(root().iterdir()):
        path = newest(folder) if folder.is_dir() else None
        if path is None:
            continue
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as opened:
            head = opened.read(HEAD).decode("utf-8", "ignore")
        at = head.find("{", head.find('"metadata"'))
        yield folder.name, decode(head[at:])[0]


def newest(folder: Path) -> Path | None:
    """Return the model file of the newest API version in a service's folder."""
    if not folder.is_dir():
        return None
    for version in sorted((f.name for f in folder.iterdir()), reverse=True):
        for name in NAMES:
            if (folder / version / name).is_file():
                return folder / version / name
    return None
