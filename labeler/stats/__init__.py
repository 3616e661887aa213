"""Agreement, consensus and intervals as functions on NumPy arrays: one file per question.

Agreement: kappa.py (a pair of people), weighted.py (ordered classes), alpha.py and ordered.py (many people),
multilabel.py (sets of classes), pairs.py (everything about pairs), agreement.py (all of it as one report), paradox.py.
People: people.py, others.py, quality.py, pace.py, cause.py (one person or the guideline?), anchoring.py.
Consensus: tally.py (majority), dawid_skene.py, overlap.py, economy.py, labelerrors.py, classpair.py, clusters.py.
Models: promise.py, drift.py, learning.py, overfit.py, paired.py. Planning: forecast.py, planner.py.
Drawn objects: the package objects (agreement, pairs, average precision, consensus, differences).
Beneath: results.py (a figure with its evidence), intervals.py, grouping.py, notes.py, plane.py.
Knows no database, no names and no web: people, images and classes are integer codes. Undefined is None with a reason,
never NaN.
"""
