"""Functions as they run: their environments, who invokes them, and what is told of what came of it.

Knows lives and leases. Does not know what a function may do, nor what stores have others told.
"""
