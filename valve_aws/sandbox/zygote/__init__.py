"""A process from which environments are forked: an interpreter that has imported much and run no function.

Knows how it is started, asked and ended. Does not know what it has imported; that is a shim's.
"""
