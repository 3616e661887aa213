"""Check answers again: the review grid, crops of objects, disagreements, probable label errors, gold images, questions.

Verbs: open and answer a page of the grid or of crops, list what is left to settle, decide, withdraw, choose gold, ask
and reply.
Writes: Plant, ObjectVerdict, Decision, Gold, Thread, Comment. Does not know how far people agree on the whole.
"""
