"""What all templates of one stack stand on: account and region, what they may spend, what was passed over.

Knows figures that hold for the whole reading. Does not know any template.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from valve_aws.model.source import Invalid, Node, Where

VALUES: Final = 1_000_000
"""Values that may be resolved in one reading: what a template that multiplies itself runs into."""

CHARACTERS: Final = 64 << 20
"""Text that functions such as `Fn::Sub` may produce in one reading."""

LONGEST: Final = 1 << 20
"""One text; a whole template body is at most 1 MB (CloudFormation quotas)."""

NESTED: Final = 100
"""Nested templates in one reading."""

PARTITIONS: Final = (
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("", "aws", "amazonaws.com"),
)


@dataclass(slots=True)
class Ground:
    """The setting of one reading. `root` is the folder that code may not leave, links followed."""

    stack: str
    account: str
    region: str
    physical: Mapping[str, str]
    load: Callable[[Path], Node]
    root: Path
    warnings: list[str] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    values: int = 0
    characters: int = 0
    nested: int = 0

    @property
    def partition(self) -> str:
        """Return `aws`, `aws-cn` or `aws-us-gov`."""
        return next(p for prefix, p, _ in PARTITIONS if self.region.startswith(prefix))

    @property
    def suffix(self) -> str:
        """Return what `AWS::URLSuffix` stands for."""
        return next(s for prefix, _, s in PARTITIONS if self.region.startswith(prefix))

    def warn(self, where: Where, sentence: str, once: str = "") -> None:
        """Note what was passed over, said once for each `once`."""
        key = once or f"{where} {sentence}"
        if key not in self.said:
            self.said.add(key)
            self.warnings.append(f"{where}: {sentence}")

    def spend(self, where: Where, values: int = 0, characters: int = 0) -> None:
        """Count what is produced. Raises Invalid when it is more than a template can mean."""
        self.values += values
        self.characters += characters
        if characters > LONGEST or self.values > VALUES or self.characters > CHARACTERS:
            raise Invalid(where, "the template grows without end here", "write it with fewer repetitions")


def digest(*parts: str) -> str:
    """Return 64 hex digits that stand for the parts."""
    return hashlib.sha256("-".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def physical(stack: str, logical: str, limit: int, ending: str = "") -> str:
    """Return `<stack>-<logicalid>-<8 hex of both>`, lower case, within `limit` characters (design: Names)."""
    mark = "-" + digest(stack, logical)[:8] + ending
    stem = re.sub(r"[^a-z0-9]+", "-", f"{stack}-{logical}".lower()).strip("-") or "stack"
    return stem[: limit - len(mark)].rstrip("-") + mark
