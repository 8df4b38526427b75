"""The Node of this host, for tests that run one.

Knows that there may be none. Does not know what is run.
"""

from __future__ import annotations

import pytest

from valve_aws.environments import host
from valve_aws.environments.languages import Node


def node() -> Node:
    """Return it; whoever asks on a host without one is skipped."""
    found = next(host.nodes(), None)
    if found is None:
        pytest.skip("there is no Node on this host", allow_module_level=True)
    return found
