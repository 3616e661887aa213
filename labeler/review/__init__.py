"""Check answers again: the review grid, disagreements, probable label errors, gold images, questions.

Verbs: open and answer a page of the grid, list what is left to settle, decide, withdraw, choose gold, ask and reply.
Writes: Plant, Decision, Gold, Thread, Comment. Does not know how far people agree on the whole.
"""
