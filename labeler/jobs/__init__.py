"""Long work as rows: ask for it, take it with a lease, keep the lease alive, finish it, cancel it.

Verbs: request, cancel, take, extend, finish. A message only tells a worker that there is a row; the row is the truth.
Writes: Job, Part, and the lease columns of TrainingRun and Errand. Does not know what the work is: that is in worker/.
"""
