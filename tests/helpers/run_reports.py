"""What a run found out beyond its figures."""

import numpy as np

from tests.helpers.factories import category
from worker.ml.evaluation import curves


def findings(project, images):
    """As worker/training/run_report.py and worker/ml/evaluation/curves.py leave them in a run's row."""
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.4, 1, 300)
    cat, dog = category(project, "cat"), category(project, "dog")
    right = {"value": 0.61, "low": 0.45, "high": 0.75, "n": 38, "reason": None}
    found = {"confidence": 0.95, "accepted": 93, "errors": 1, "precision_low": 0.951, "n": 240}
    none = {"threshold": None, "coverage": None, "reason": "59 right answers in a row are needed, and there are 40."}
    return {
        "curves": {"classes": [], "reliability": curves.reliability(confidence, rng.random(300) < confidence)},
        "learning_curve": {
            "points": [{"size": n, "accuracy": 0.9 - 2 / n} for n in (10, 20, 40, 80)],
            "ahead": [{"size": 160, "expected": 0.89, "low": 0.84, "high": 0.93}],
            "n": 80, "reason": None, "stop": False, "advice": "80 more labels are expected to bring 1.2 points.",
        },
        "acceptance": [
            {"precision": 0.95, **found, "threshold": 0.912, "coverage": 0.674, "reason": None},
            {"precision": 0.98, **found, **none},
        ],
        "label_errors": {
            "n": 4,
            "suspects": [
                {"image": pk, "label": cat, "suggested": dog, "doubt": 0.9, "confident": True}
                for pk in (*(image.pk for image in images), 10**9)
            ],
        },
        "slices": [
            {"field": "camera", "n": 200, "slices": [
                {"value": "C-3", "n": 38, "right": right, "difference": -0.2, "p": 0.01, "worse": True,
                 "warning": None},
                {"value": "C-4", "n": 9, "right": {**right, "n": 9}, "difference": 0.0, "p": None, "worse": False,
                 "warning": "Fewer than 30 images: read the interval."},
            ]},
        ],
    }  # fmt: skip
