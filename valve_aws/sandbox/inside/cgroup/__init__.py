"""The control group of one sandbox, where the host lets us make one.

Knows cgroup v1 and v2. Does not know what runs in it.
"""
