"""From votes to one answer for each image.

snapshots.py keeps each image's consensus as a row; reliability.py infers it from all votes together (Dawid-Skene in
labeler/stats/); model_votes.py lets the model vote beside people; overlap.py opens and closes seats by doubt (adaptive
overlap); label_economy.py asks where one more answer gains most, and economy_standing.py is what it knows for that.
Writes: Consensus, EconomyPoint. Does not know who may see the result (labeling/blindness.py).
"""
