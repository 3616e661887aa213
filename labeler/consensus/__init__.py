"""From votes to one answer for each image.

Verbs: snapshot the vote, infer answers from the reliability of people, let the model vote, open and close seats by
doubt (adaptive overlap), say where one more answer gains most.
Writes: Consensus, EconomyPoint. Does not know who may see the result (labeling/blindness.py).
"""
