"""The life of a model on the side of the web: runs, what they may be asked, and what they say.

Verbs: request, report on and promote a run; store pre-labels; ask for predictions and explanations; read a model's
card.
Writes: TrainingRun, RunAnswers, Prediction, Feature, Errand, Drift. Does not know torch: training itself is in worker/.
"""
