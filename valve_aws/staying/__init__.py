"""Commands that stay until they are told to end, and what the next one finds again.

Knows lifetimes. Does not know what is answered to anybody.
"""
