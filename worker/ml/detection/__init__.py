"""Models that find objects: boxes, and masks within them.

`train.train` trains candidates on what people have drawn and yields progress, at last a result; `detector.Detector` is
a trained model that finds objects on images. Pure: arrays in, arrays out. Does not know rows, projects or files of
images, nor how good a model is (worker/ml/evaluation/objects.py).
"""
