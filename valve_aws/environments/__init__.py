"""Execution environments: what is in them, their lives, and which one serves the next event.

Knows packages, plans, pools and reuse. Does not know namespaces, sockets or what any label means.
"""
