"""The labeling screen, a person's own work, and questions about images."""
