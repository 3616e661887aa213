"""What holds for every request: middleware, static files, the loader of templates, the frame around pages, log lines.

Writes nothing. Does not know what a page shows.
"""
