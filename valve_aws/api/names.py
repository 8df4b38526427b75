"""The ways in which the Lambda API lets a function be named.

Knows names, partial and whole ARNs, and qualifiers. Does not know which functions there are. Source: Lambda
API reference, "Name formats".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from valve_aws.api.fault import Fault

FORM = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:(?P<region>(?:[a-z]+-)+\d):)?(?:(?P<account>\d{12}):)?"
    r"(?:function:)?(?P<name>[a-zA-Z0-9-_.]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)

LATEST = "$LATEST"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose functions these are."""

    account: str
    region: str

    def arn(self, name: str, qualifier: str = "") -> str:
        """Return a function's ARN, qualified if asked for."""
        arn = f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"
        return f"{arn}:{qualifier}" if qualifier else arn

    def mapping(self, ident: str) -> str:
        """Return the ARN of an event source mapping."""
        return f"arn:aws:lambda:{self.region}:{self.account}:event-source-mapping:{ident}"

    def layer(self, name: str, version: int | str = "") -> str:
        """Return the ARN of a layer, or of a version of it."""
        arn = f"arn:aws:lambda:{self.region}:{self.account}:layer:{name}"
        return f"{arn}:{version}" if version else arn


def split(written: str, place: Place, qualifier: str | None = None) -> tuple[str, str]:
    """Return (name, qualifier, "" when none is given). Raises `Fault`."""
    found = FORM.fullmatch(written)
    if found is None:
        raise Fault("InvalidParameterValueException", f"Invalid function name: {written}")
    region, account, named = found["region"], found["account"], found["qualifier"] or ""
    if region and region != place.region:
        raise Fault(
            "ResourceNotFoundException",
            f"Functions from '{region}' are not reachable in this region ('{place.region}')",
        )
    if account and account != place.account:
        raise Fault("AccessDeniedException", None)
    if qualifier and named and qualifier != named:
        raise Fault(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )
    return found["name"], qualifier or named


def named(place: Place, params: Mapping[str, Any]) -> tuple[str, str]:
    """Return (name, qualifier) of a request that has both. Raises `Fault`."""
    return split(params["FunctionName"], place, params.get("Qualifier"))


def unfound(place: Place, name: str, qualifier: str = "") -> Fault:
    """Return the error of a function, a version or an alias that is not there."""
    return Fault("ResourceNotFoundException", f"Function not found: {place.arn(name, qualifier)}")
