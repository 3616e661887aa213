"""One training run: settings, folds, balance of classes, the competition, and which images to ask people about next."""
