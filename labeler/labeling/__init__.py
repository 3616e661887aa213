"""The hot path: hand out images, take answers, count them.

Verbs: claim, release, save, skip and undo a label, set the seats of an image, count again, read labels as arrays.
claims.py hands images out, search.py decides which comes next, seats.py how many people an image is for, priorities.py
its place in the queue; labels.py saves what wanted.py has checked for shape (the statements: save_rows.py),
import_rows.py takes in what was judged elsewhere, counters.py counts again; gold_and_repeats.py adds gold and repeated
images, blindness.py decides who may see answers of others and of the model, label_arrays.py reads the votes of a
project as NumPy arrays. Where people draw: objects.py says what may be drawn, object_rows.py has the rows,
drawn_votes.py says whether people agree, drafts.py keeps what is not answered yet, drawn_arrays.py reads the objects.
Writes: Label, LabelObject, Draft, Claim, QueueEntry, Exposure, the counters of Image, and where a member's search goes
on (Membership).
Does not know why a model is unsure.
"""
