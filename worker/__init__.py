"""What runs beside the web: training, pre-labels, imports, and the sweep that looks after lost work.

`celery -A worker` finds the application in worker/celery.py. Nothing of the project is imported here, so that worker.ml
can be used without Celery, Django or a database.
"""

import os

# Read by OpenMP when torch is loaded: for how many rounds threads of a training that wait for each other spin before
# they sleep. By default 300,000: where others use a core meanwhile, ten steps of a detector took over 200 s instead of
# 18. On idle cores two threads take 8.6 s by default, 9.0 s with 1,000 and 13.7 s with none; one thread takes 10.6 s.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
