"""What LocalStack delivers to a function carries the label of what it was taken out of, whatever the trigger.

Knows each trigger's way. Does not know how the front tells labels.
"""

from __future__ import annotations

import pytest

from tests.localstack.town import Town

WAYS = {
    "object": ("front-drop", "FrontDrop"),
    "message": ("front-inbox", "FrontInbox"),
    "notice": ("front-news", "FrontNews"),
    "item": ("front-orders", "FrontOrders"),
    "invoke": ("FrontCalled", "FrontCalled"),
    "event": ("FrontCalled", "FrontCalled"),
    "bus": ("front-bus", "FrontBus"),
    "forged": ("FrontCalled", "FrontCalled"),
}
"""How a text gets on its way → (where to, whom that wakes)."""


@pytest.mark.parametrize("via", WAYS)
@pytest.mark.parametrize(
    ("mode", "read", "outcome"),
    [
        ("audit", True, "passed on"),  # the leak
        ("enforce", True, "AccessDenied"),
        ("enforce", False, "passed on"),  # its twin
    ],
)
def test_a_label_comes_along_with_what_wakes_a_function(
    town: Town, via: str, mode: str, read: bool, outcome: str
) -> None:
    to, woken = WAYS[via]
    case = f"{via}-{mode}-{read}"
    town.mode(mode)
    town.invoke("FrontSender", {"via": via, "to": to, "read": read, "case": case})
    report = town.report(woken, case)
    assert report["outcome"] == outcome
    assert town.passed_on(case) is (outcome == "passed on")
