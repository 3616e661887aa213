"""Models that say of every pixel which class it is: FCN and U-Net on the pretrained trunk.

`run.PixelRun` trains candidates as detection's runs do; `segmenter.Segmenter` is a trained one. Pure: arrays in, arrays
out. Does not know rows, projects or how good a model is (worker/ml/evaluation/pixel_figures.py).
"""
