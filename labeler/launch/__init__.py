"""What it takes to start Labeler on a bare machine: accounts, programs, servers, and the supervisor over them.

Knows nothing of projects, images or labels. Only the standard library at import, so that settings can load it.
"""
