"""What is computed once per image.

features.py and pixels.py keep features and decoded pixels, build_index.py writes the index of similar images,
near_duplicate_search.py finds copies by features and pixels among images that are in (intake compares newcomers).
"""
