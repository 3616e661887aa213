"""Predictions used as answers without a person: which, with what promised precision, and the audit of the promise.

Verbs: accept, stop, resume, ask people instead, audit the promise. Writes: Acceptance, Guarantee. Does not know how
probabilities were calibrated.
"""
