"""Releases, on the worker's side: a row is taken, and labeler/releases freezes it or builds one of its files.

Writes nothing itself, and does not know what is in a release.
"""
