"""Files of other tools, one module per format: each gives items (item.py), whichever it is. Writes no table."""
