"""The attack kit: what hostile code tries, where its loot would show, and the stage on which it is tried.

Knows attacks and what they are after. Does not know how the valve stops one.
"""
