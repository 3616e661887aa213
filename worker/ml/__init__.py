"""Learning from labels: arrays and images in, models and probabilities out.

Knows torch, NumPy, SciPy, scikit-learn and Pillow. Knows no Django, no Celery, no database. Importing this
package alone loads none of them; import the modules you need:

    device      settle_process(), pick_device()
    features    embed(): images to cached features
    train       train(): TrainingSet and TrainConfig to Progress … and a Result
    checkpoint  from_result(), save(), load()
    predict     load_model(), predict(), margin(), fit_temperature()
    metrics     evaluate(): figures with intervals; compare.not_worse(): promotion
    asking      first_priorities(), priorities(): what to ask next
"""
