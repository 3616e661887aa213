"""How far people agree, and whether the labels can be trusted.

Verbs: report agreement, explain it (trust), group the images people disagree about, answer a group by a rule of the
guideline, send images back for another round, have others judge what one person judged, print the report.
Writes: nothing of its own; rounds and rules go through labeling/, review/, projects/ and the audit table.
The arithmetic is in stats/.
"""
