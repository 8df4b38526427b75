"""A folder of templates, read the way the assembler reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, Protocol

import pytest

from valve_aws import template, text
from valve_aws.model.source import Node
from valve_aws.model.stack import Stack


def load(path: Path) -> Node:
    return text.parse(path.read_bytes(), path.name, last=True)


class Read(Protocol):
    def __call__(
        self, written: str, /, *, name: str = ..., files: Mapping[str, str] = ..., **options: Any
    ) -> Stack: ...


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Stack]:
    """Write `written` as the template of an application named `app`, with `files` beside it, and read it."""

    def reading(
        written: str,
        /,
        *,
        name: str = "template.yaml",
        files: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Stack:
        for path, content in (files or {}).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(dedent(content))
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written if written.startswith("Resources:") else dedent(written))
        given: dict[str, Any] = {
            "parameters": {},
            "stack": "app",
            "account": "123456789012",
            "region": "eu-west-1",
            "physical": {},
            "load": load,
        }
        return template.read(file, **(given | options))

    return reading


@pytest.fixture
def variables(read: Read) -> Callable[..., Mapping[str, str]]:
    """Return the environment of the one function of a template whose `Variables` are given."""

    def of(written: str, rest: str = "", **options: Any) -> Mapping[str, str]:
        lines = "\n".join(f"          {line}" for line in dedent(written).strip().splitlines())
        head = (
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      "
            "Runtime: python3.12\n"
            f"      Handler: a.b\n      InlineCode: x\n      Environment:\n        Variables:\n{lines}\n"
        )
        return read(head + rest, **options).functions["F"].environment

    return of
