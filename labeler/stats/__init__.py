"""Agreement, consensus and intervals as functions on NumPy arrays.

Knows no database, no names and no web: people, images and classes are integer codes.
Undefined is None with a reason, never NaN.
"""
