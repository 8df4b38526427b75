"""The calls that the filter hands to pid 1, since the kernel would answer with what all sandboxes share.

Knows file locks and `sysinfo`. Does not know why the filter lets other calls pass; see `seccomp/table.py`.
"""
