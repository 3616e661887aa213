"""What a trained model says: pre-labels of a whole project, single questions that somebody waits for, many files."""
