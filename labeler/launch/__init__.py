"""What it takes to start Labeler on a bare machine: accounts, programs, servers, and a supervisor over them.

Knows nothing of projects, images or labels, and imports nothing of Django.
"""
