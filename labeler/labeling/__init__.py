"""The hot path: hand out images, take answers, count them.

Verbs: claim, release, save, skip and undo a label, set the seats of an image, count again, read labels as arrays.
claims.py hands images out, search.py decides which comes next, seats.py how many people an image is for, labels.py
saves, counters.py counts again, gold_and_repeats.py mixes known and repeated images in, blindness.py decides who may
be shown what is said of an image, label_arrays.py reads the votes of a project as NumPy arrays.
Writes: Label, Claim, QueueEntry, Exposure, and the counters of Image. Does not know why a model is unsure.
"""
