"""What stands by the model's word alone, under which promise, and the audit of that promise.

Verbs: accept, stop, resume, ask people instead, look whether the promise is kept.
Writes: Acceptance, Guarantee. Does not know how probabilities were calibrated.
"""
