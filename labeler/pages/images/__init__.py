"""The images of a project: the list, one image, similar ones, near-duplicates, import and metadata."""
