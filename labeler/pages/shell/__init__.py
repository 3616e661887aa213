"""Pages of no project: errors, documentation, what runs here."""
