"""A package: a handler may lie deeper than the root."""
