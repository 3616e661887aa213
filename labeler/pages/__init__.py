"""The pages: one view module per screen, in folders like templates/.

A view parses, asks access.py, calls one verb of a package below and shapes the answer. Writes no table itself.
"""
