"""One training run: settings, folds, balance of classes, the competition, and what to ask people next."""
