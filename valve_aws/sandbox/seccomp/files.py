"""Writes the assembled filters beside this file: `python -m valve_aws.sandbox.seccomp.files`.

Knows where they lie. Does not know what is in them; a test holds them against the table.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> None:
    """Write one `.bin` an architecture."""
    from valve_aws.sandbox.seccomp.assemble import assemble
    from valve_aws.sandbox.seccomp.table import ARCHITECTURES

    for machine in ARCHITECTURES:
        (FOLDER / f"{machine}.bin").write_bytes(assemble(machine))


if __name__ == "__main__":
    main()
