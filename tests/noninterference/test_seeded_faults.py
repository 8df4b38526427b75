"""The twins notice when a law is gone: each seeded fault is found among the applications that CI tries."""

from __future__ import annotations

import pytest

from tests.noninterference.seeded import FAULTS
from tests.noninterference.twins import twins
from tests.noninterference.worlds import world

MOST = 2000
"""Applications that a fault may take to be found: as many as CI tries."""


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*FAULTS[fault])
    assert any(twins(world(number)).told for number in range(MOST))
