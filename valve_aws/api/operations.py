"""The Lambda API as a table: operation to what carries it out.

Knows which operations are covered; the others are answered as not covered. Does not know HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from valve_aws.api import invocations
from valve_aws.api.desk import Desk
from valve_aws.api.fault import Fault, not_covered
from valve_aws.api.ports import Answer
from valve_aws.api.reading import Reader, Request
from valve_aws.model.contract import Contract

Operation = Callable[[Desk, Mapping[str, Any]], Awaitable[Answer]]

TABLE: Mapping[str, Operation] = {
    "Invoke": invocations.invoke,
}


class LambdaApi:
    """Answers requests of one account and region. On one loop."""

    def __init__(self, contract: Contract, desk: Desk) -> None:
        self.desk = desk
        self._reader = Reader(contract)

    async def answer(self, request: Request) -> Answer:
        """Return the answer to a request; an error is one, too."""
        try:
            asked, params = self._reader.read(request)
            carried_out = TABLE.get(asked.name)
            if carried_out is None:
                raise not_covered(f"lambda:{asked.name}")
            return await carried_out(self.desk, params)
        except Fault as fault:
            headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", fault.code))
            return Answer(fault.status, (*headers, ("x-amzn-RequestId", self.desk.ident())), fault.body())
