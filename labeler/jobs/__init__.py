"""Long work as rows: ask for it, take it with a lease, keep the lease alive, finish it, cancel it.

jobs.py creates and cancels, leases.py takes and finishes, parts.py shares one pre-labeling among workers, dispatch.py
sends the message. A message only tells a worker that there is a row; the row is the truth.
Writes: Job, Part, and the lease columns of TrainingRun and Errand. Does not know what the work is: that is in worker/.
"""
