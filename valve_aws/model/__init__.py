"""The words of the project as frozen values, the nouns that rooms share, and the ports between them.

Knows what a label, a cell, a call and a verdict are. Does not know any file, socket, clock or service.
"""
