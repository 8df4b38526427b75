"""What LocalStack looks for: an entry point of the group `localstack.lambda.runtime_executor` by our name.

Knows LocalStack's plugin class. Does not know what runs a function.
"""

from __future__ import annotations

from typing import Any

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ValvePlugin(RuntimeExecutorPlugin):  # type: ignore[misc]  # LocalStack is not there where types are checked
    """`LAMBDA_RUNTIME_EXECUTOR=valve`."""

    name = "valve"

    def load(self, *_: Any, **__: Any) -> type:
        """Return the executor's class; imported now, when LocalStack has its first function."""
        from valve_aws.localstack.executor import ValveExecutor

        return ValveExecutor
