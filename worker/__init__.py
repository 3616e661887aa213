"""What runs beside the web: training, pre-labels, imports, and the sweep that looks after lost work.

`celery -A worker` finds the application in worker/celery.py. Nothing is imported here, so that worker.ml can
be used without Celery, Django or a database.
"""
