"""Do people agree on drawn objects: where they are, what they are, and what to take for the answer.

Agreement: place_then_class.py (the headline: alpha over matched objects), distance.py (alpha of answers as a whole),
pairs.py (two people: F1, IoU, PQ, second-annotator AP), differences.py (missed, doubled, shifted, …).
Models: average_precision.py (COCO's AP, with the matches of each image kept), shared.py (F1, mIoU and differences, from
counts of each image).
Outcome: consensus.py (one object for each cluster).
Beneath: drawings.py (the objects, and pairs of them with their IoU), matching.py (clusters, one-to-one matches).
Knows no polygon and no mask: shapes come as bounds, and as pairs (object, object, IoU) that somebody else has measured.
"""
