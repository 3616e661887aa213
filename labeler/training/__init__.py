"""Models on the side of the web: runs, pre-labels, predictions on request, drift, model cards and files.

runs.py is the life of a run, from the request to the active model (worker/training/promotion.py judges whether a new
one takes over); prelabels.py stores a model's predictions, queue_order.py orders the queue by them; run_answers.py
keeps what each version said of held-out images; inference_requests.py asks a worker for one prediction, explanation or
ONNX file; image_index.py finds images that look alike; drift.py compares imports with what the model knows;
model_card.py and model_files.py describe a model and hand it out; outside_models.py takes in what another program's
model says; augmentation_preview.py shows varied training images.
Writes: TrainingRun, RunAnswers, Prediction, Feature, Errand, Drift. Does not know torch: training itself is in worker/.
"""
