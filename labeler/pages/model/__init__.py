"""The model of a project: its report, runs, card, drift, what it accepts, and the label economy."""
