"""Has everything from its layer."""

from layered import handler  # noqa: F401  it is what LocalStack calls
