"""The images of a project: the wall, one image, similar ones, near-duplicates, import and metadata."""
