"""The spawner: a program of its own that makes one sandbox, and stays as its pid 1.

Knows Linux. Does not know the valve; it runs with `-I -S` and imports only what is cheapest of the standard
library.
"""
