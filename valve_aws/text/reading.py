"""The door of this room: which syntax a text is in, and one way in for both.

Knows how a file's name and first character tell the syntax. Does not know how either is read.
"""

from __future__ import annotations

import contextlib
from typing import Any, Literal

from valve_aws.model.source import Invalid, Node
from valve_aws.text import jsontext
from valve_aws.text.encoding import decode

Kind = Literal["yaml", "json"]

YAML_LIMIT = 2 << 20
"""Bytes. CloudFormation takes 1 MB (CloudFormation quotas); seeds may carry some base64 on top."""

JSON_LIMIT = 8 << 20
"""Bytes. The largest event that Lambda takes is 6 MB (Lambda quotas)."""


def parse(content: str | bytes, file: str, kind: Kind | None = None, *, last: bool = False) -> Node:
    """Return the one value that `content` holds, with positions; nothing at all is a Node of None.

    `file` is for messages; its suffix tells the syntax when `kind` does not. A text not called `.json`
    that starts with a brace is read as JSON if it is JSON, else as YAML. A key written twice is a mistake;
    with `last` its last value counts and the mapping says so (`Node.repeated`), as CloudFormation has it.
    Raises Invalid, and nothing else.
    """
    if kind is None and file.lower().endswith(".json"):
        kind = "json"
    text = decode(content, file, JSON_LIMIT if kind == "json" else YAML_LIMIT)
    if kind == "json":
        return jsontext.read(text, file, last)
    if kind is None and text.lstrip()[:1] == "{":
        with contextlib.suppress(Invalid):
            return jsontext.read(text, file, last)
    return _yaml(text, file, last)


def event(content: str | bytes, file: str) -> Any:
    """Return a JSON text as plain values, without positions: for events, which are large and need none.

    Raises Invalid as `parse` does.
    """
    return jsontext.plain(decode(content, file, JSON_LIMIT), file)


def _yaml(text: str, file: str, last: bool) -> Node:
    # Why: a JSON template or event pays no import of PyYAML.
    from valve_aws.text import yamltext

    return yamltext.read(text, file, last)
