"""What holds for every request: middleware, static files, the frame around pages, log lines.

Writes nothing. Does not know what a page shows.
"""
