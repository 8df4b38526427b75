"""What is fuzzed, by name.

Knows where each target's corpus is. Does not know how inputs are found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tests.fuzz import aws_target, http_target, text_target

Target = Callable[[bytes], None]

TARGETS: Mapping[str, Target] = {
    "http": http_target.run,
    "aws": aws_target.run,
    "policy": text_target.policy,
    "policy-tree": text_target.policy_tree,
    "template": text_target.stack,
    "template-tree": text_target.stack_tree,
}
CORPUS = Path(__file__).parent / "corpus"


def corpus(name: str) -> list[bytes]:
    """Return a target's corpus, in order of names."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
