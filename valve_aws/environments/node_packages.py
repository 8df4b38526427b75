"""Which npm packages a Node function needs that do not lie with its code.

Knows `package.json` and imports as text. Does not know files, nor how packages are had; `cache` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from valve_aws.model.source import Invalid, Where

NAME = re.compile(r"(?:@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*", re.ASCII | re.IGNORECASE)
RANGE = re.compile(r"[0-9A-Za-z.^~<>=|*+ -]{1,120}", re.ASCII)
"""Versions of the registry alone: a folder, an archive or a repository would be somebody's word on what to
read and to run."""
IMPORTED = re.compile(
    rb"""(?:\bfrom|\bimport|\brequire|\bimport\s*\(|\brequire\s*\()\s*\(?\s*["'](@(?:aws-sdk|smithy)/[a-z0-9-]+)""",
    re.ASCII,
)
"""What Lambda's runtime has beside the standard library: the AWS SDK for JavaScript v3."""
IMPORTED_BEFORE = re.compile(
    rb"""(?:\bfrom|\bimport|\brequire|\bimport\s*\(|\brequire\s*\()\s*\(?\s*["'](aws-sdk)["'/]""", re.ASCII
)
"""What it has up to `nodejs16.x`: version 2 of that SDK, one package. Source: Lambda, `Runtimes`."""
LAST_WITH_VERSION_2 = 16
ANY = "*"


def declared(text: str, file: str) -> Mapping[str, str]:
    """Return name → range of what a `package.json` depends on. Raises Invalid."""
    where = Where(file)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(where, f"not JSON: {error}") from error
    found = document.get("dependencies", {}) if isinstance(document, dict) else {}
    if not isinstance(found, dict):
        raise Invalid(where, "`dependencies` are no object")
    for name, versions in found.items():
        if not NAME.fullmatch(name) or not isinstance(versions, str) or not RANGE.fullmatch(versions):
            raise Invalid(
                where,
                f"the package `{str(name)[:100]}` is not asked for by its version",
                "build the function (`sam build`), so that its packages lie with its code",
            )
    return found


def imported(content: bytes, runtime: str) -> Iterable[str]:
    """Return the packages of the SDK that a file of JavaScript imports and its runtime has."""
    number = re.match(r"nodejs(\d*)", runtime, re.ASCII)
    before = number is not None and int(number[1] or 0) <= LAST_WITH_VERSION_2  # `nodejs` alone was the first
    seen = (*IMPORTED.findall(content), *(IMPORTED_BEFORE.findall(content) if before else ()))
    return {match.decode() for match in seen}
