"""The AWS wire: what a request means, how it is written anew, what its reply settles, what a refusal looks
like.

The only room that knows botocore's models. Does not know labels, policies or sockets.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valve_aws.aws.crossing import AwsCall
    from valve_aws.aws.directory import Directory
    from valve_aws.aws.keyring import Keyring
    from valve_aws.aws.keys import issue
    from valve_aws.aws.links import Anew
    from valve_aws.aws.payload import Payload
    from valve_aws.aws.replies import Settled
    from valve_aws.aws.unclear import Unclear
    from valve_aws.aws.wire import Aws, Letter
    from valve_aws.aws.writing import Endpoint, Length, Outgoing, Unwritable

__all__ = [
    "Anew",
    "Aws",
    "AwsCall",
    "Directory",
    "Endpoint",
    "Keyring",
    "Length",
    "Letter",
    "Outgoing",
    "Payload",
    "Settled",
    "Unclear",
    "Unwritable",
    "issue",
]

HOMES = {
    "Anew": "links",
    "Aws": "wire",
    "AwsCall": "crossing",
    "Directory": "directory",
    "Endpoint": "writing",
    "Keyring": "keyring",
    "Length": "writing",
    "Letter": "wire",
    "Outgoing": "writing",
    "Payload": "payload",
    "Settled": "replies",
    "Unclear": "unclear",
    "Unwritable": "writing",
    "issue": "keys",
}
"""Which module each name of this room is in; imported when the name is first used, so that importing the room
is free."""


def __getattr__(name: str) -> Any:
    """Return a name of this room (PEP 562)."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)
