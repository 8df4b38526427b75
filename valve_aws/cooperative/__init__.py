"""The guard inside a process that is not ours: rooms joined without proxy or sandbox, behind a hook.

Knows requests, handlers and records of one process. Does not hold against code that works against it.
"""
