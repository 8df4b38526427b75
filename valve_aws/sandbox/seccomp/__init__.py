"""The system call filter: its table, its assembler, and the bytes of each architecture.

Knows which calls pass. Does not load a filter.
"""
