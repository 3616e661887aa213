"""One import, from a file to rows: which format it is, what it holds, what its labels are, and taking it in.

survey.py counts what is there and writes nothing; options.py reads what the person answered; run.py takes all in, in
batches, and ends in the same rows when it was killed and is run again; gold.py and predictions.py hand on what the
packages below may not write. `run.import_file` is the verb for workers and commands.
Writes no table itself. Does not know formats (intake/formats) or jobs' leases (whoever calls).
"""
