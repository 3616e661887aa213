"""The first page of a project, and the cards that ask for attention."""
