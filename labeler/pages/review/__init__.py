"""The review grid, and the page on which disagreements are settled."""
