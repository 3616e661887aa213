"""Models on the side of the web: runs, pre-labels, predictions on request, drift, model cards and files.

Verbs: request, report on and promote a run; store pre-labels; ask for predictions and explanations; read a model's
card.
Writes: TrainingRun, RunAnswers, Prediction, Feature, Errand, Drift. Does not know torch: training itself is in worker/.
"""
