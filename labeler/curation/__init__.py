"""What a lead does with many images at once: find them, and delete, restore, order, mark or label all that were found.

Verbs: delete, restore and purge images and projects (deletion.py); read a filter and find its images (filters.py),
those of the images page (image_list.py); ask for work on a set of images and do it step by step (work.py), each kind of
work by one verb of its owner (actions.py); keep filters under a name (saved_views.py).
Writes: SavedView; of images nothing by itself, the owners of their tables do. Does not know how a set is chosen on a
screen.
"""
