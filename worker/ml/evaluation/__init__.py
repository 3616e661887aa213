"""How good a model is: figures with intervals, curves, slices, comparison, calibration, explanation."""
