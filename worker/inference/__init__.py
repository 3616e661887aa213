"""Predictions of a trained model.

write_prelabels.py predicts a whole project (labeler/training/prelabels.py stores the rows), requests.py answers what
somebody waits for, saved_models.py and batch.py predict many files; model_cache.py keeps models loaded.
"""
