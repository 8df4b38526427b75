"""Sizes of items, as the developer guide counts them and as AWS's streams were recorded to tell."""

from __future__ import annotations

from typing import Any

import pytest

from valve_aws.backend.sizes import attributes


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "hello"}, 5),
        ({"S": "h\u00e9"}, 3),
        ({"B": "Zm9vYmFy"}, 6),
        ({"B": b"foobar"}, 6),
        ({"N": "42"}, 2),
        ({"N": "101"}, 3),
        ({"N": "-1200"}, 3),
        ({"N": "0.05"}, 2),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "bc"]}, 3),
        ({"NS": ["1", "22"]}, 4),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 9),
        ({"M": {"k": {"S": "v"}}}, 6),
    ],
)
def test_an_attribute_counts_its_name_and_its_value(value: dict[str, Any], size: int) -> None:
    assert attributes({"name": value}) == 4 + size
