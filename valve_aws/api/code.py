"""Code that is deployed: where it comes from, what it may be, and what is told of it.

Knows zip archives as bytes and Lambda's limits. Does not know where code is kept.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from valve_aws.api.desk import Desk
from valve_aws.api.fault import Fault, not_covered

ZIPPED, UNZIPPED = 52_428_800, 262_144_000
"""Bytes that a deployment package has to be smaller than (the service's own messages)."""

BROKEN = "Could not unzip uploaded file. Please check your file, then try to upload again."


@dataclass(frozen=True, slots=True)
class Package:
    """A deployment package that is kept."""

    path: Path
    digest: str
    """SHA-256 in base64."""
    size: int


async def package(desk: Desk, given: Mapping[str, Any]) -> Package:
    """Return a package that a request brings along or names. Raises `Fault`."""
    if given.get("ImageUri"):
        raise not_covered("a container image")
    if "ZipFile" in given:
        content = given["ZipFile"]
    elif given.get("S3Bucket") and given.get("S3Key"):
        content = await desk.engine.fetch(
            given["S3Bucket"], given["S3Key"], given.get("S3ObjectVersion") or ""
        )
    else:
        raise Fault("InvalidParameterValueException", "Please provide a source for function code.")
    if len(content) >= ZIPPED and "ZipFile" in given:
        raise Fault(
            "RequestEntityTooLargeException", f"Zipped size must be smaller than {ZIPPED} bytes", bare=True
        )
    _seen(content)
    path = desk.engine.keep(content)
    return Package(path, base64.b64encode(sha256(content).digest()).decode(), len(content))


def _seen(content: bytes) -> None:
    """See that a package can be unpacked and is not too large. Raises `Fault`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            size, names = sum(i.file_size for i in opened.infolist()), opened.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise Fault("InvalidParameterValueException", BROKEN) from error
    if not names:
        raise Fault("InvalidParameterValueException", "Uploaded file must be a non-empty zip")
    if size >= UNZIPPED:
        raise Fault("InvalidParameterValueException", f"Unzipped size must be smaller than {UNZIPPED} bytes")
