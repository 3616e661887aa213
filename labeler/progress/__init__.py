"""How far a project is: the figures of its overview, forecast and label economy, and the cache of large projects.

Verbs: count, read cached figures, refresh them in a worker.
Writes: Snapshot. Does not know pages.
"""
