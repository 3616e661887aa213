"""Train a requested model: train_run.py goes from the row to a model and back.

dataset.py says what is learned from, evaluation.py how good the model is, promotion.py whether it takes over,
run_report.py what else the run found out, checkpoints.py where unfinished runs keep their state. Where people draw,
train_drawn.py and drawn_dataset.py do the same with objects.
"""
