"""Text that a user gave us (YAML, JSON), read with the position of every value kept.

Knows the two syntaxes and CloudFormation's short forms. Does not know what any key means, and opens no file.
"""

from __future__ import annotations

from valve_aws.model.source import Node
from valve_aws.text.encoding import decode
from valve_aws.text.reading import Kind, event, parse

__all__ = ["Kind", "Node", "decode", "event", "parse"]
