"""The long run: atheris leads inputs to code that has not been reached (`pip install 'valve-aws[fuzz]'`).

    python -m tests.fuzz.guided http /tmp/found -max_total_time=900 -rss_limit_mb=1500 -timeout=10

Knows atheris. Does not know what is tried. What it finds belongs into `tests/fuzz/corpus`, once mended.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["valve_aws"]):
    from tests.fuzz.targets import CORPUS, TARGETS


def main() -> None:
    """Run the target that the first argument names; the others are libFuzzer's."""
    name = sys.argv.pop(1)
    target = TARGETS[name]
    atheris.Setup([*sys.argv, str(CORPUS / name)], lambda content: target(bytes(content)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
