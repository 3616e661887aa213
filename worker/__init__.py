"""What runs beside the web: training, pre-labels, imports, and the sweep that looks after lost work.

`celery -A worker` finds the application in worker/celery.py. Nothing of the project is imported here, so that worker.ml
can be used without Celery, Django or a database.
"""

import os

# Read by OpenMP when torch is loaded. Threads of a training that wait for each other spin by default: where others use
# a core meanwhile, ten steps of a detector took over 200 s instead of 25.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
