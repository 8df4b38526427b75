"""A REST service's contract, read out of botocore's model: for who answers in its place.

Knows the words of a model. Does not know requests, nor what an operation does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valve_aws.aws import files
from valve_aws.model.contract import Asked, Contract, Member

DEPTH = 8
"""Levels of a request that are looked at; a shape may hold itself."""


def contract(service: str) -> Contract:
    """Return what a service asks of each operation. Raises `ModelMissing`."""
    model = files.model(service)
    shapes = model["shapes"]
    return {name: _asked(name, told, shapes) for name, told in model["operations"].items()}


def _asked(name: str, told: Mapping[str, Any], shapes: Mapping[str, Any]) -> Asked:
    http, shape = told["http"], shapes.get(told.get("input", {}).get("shape"), {})
    return Asked(
        name,
        http["method"],
        http["requestUri"],
        int(http.get("responseCode", 200)),
        _members(shape, shapes, DEPTH),
        shape.get("payload", ""),
    )


def _members(shape: Mapping[str, Any], shapes: Mapping[str, Any], depth: int) -> dict[str, Member]:
    must = set(shape.get("required", ()))
    return {
        name: _member(name, ref, shapes, name in must, depth)
        for name, ref in shape.get("members", {}).items()
    }


def _member(
    name: str, ref: Mapping[str, Any], shapes: Mapping[str, Any], required: bool, depth: int
) -> Member:
    shape = shapes[ref["shape"]]
    inner = shape.get("member") or shape.get("value")
    return Member(
        shape["type"],
        ref.get("locationName", name),
        ref.get("location", ""),
        required,
        shape.get("min"),
        shape.get("max"),
        shape.get("pattern", ""),
        tuple(shape.get("enum", ())),
        _members(shape, shapes, depth - 1) if depth and shape["type"] == "structure" else {},
        _member("key", shape["key"], shapes, False, depth - 1) if depth and "key" in shape else None,
        _member("member", inner, shapes, False, depth - 1) if depth and inner else None,
    )
