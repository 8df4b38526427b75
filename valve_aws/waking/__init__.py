"""What wakes functions without a caller: queues, streams, stores that have others told, kept events.

Knows what is due and what becomes of a batch. Does not know environments, nor who else invokes.
"""
