"""The runtime without walls, for `--unsafe-cooperative` and nothing else.

Knows a plain child process. Does not know any boundary, because there is none.
"""
