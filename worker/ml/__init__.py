"""Learning from labels: arrays and images in, models and probabilities out.

Knows torch, NumPy, SciPy, scikit-learn and Pillow. Knows no Django, no Celery, no database. Importing this
package alone loads none of them; import the modules you need:

    device                    settle_process(), pick_device()
    networks.features         embed(): images to cached features
    training.train            train(): TrainingSet and TrainConfig to Progress … and a Result
    detection.train           train(): DrawnSet to Progress … and a DrawnResult; boxes and masks
    segmentation.run          the same where every pixel gets a class
    clicks.nearest            propose(): the pixels of what was clicked on
    training.active_learning  first_priorities(), priorities(): which images to ask people about next
    saved.checkpoint          from_result(), save(), load()
    saved.predict             load_model(), predict(), margin()
    evaluation.temperature    apply_temperature(), fit_temperature()
    evaluation.metrics        evaluate(): figures with intervals
    evaluation.compare        not_worse(): promotion
"""
