"""The classes of a project: found by id or by any name they ever had, their markers, examples and target numbers.

Verbs: look up classes, check an answer, choose and remove example images, read targets.
Writes: CategoryExample. Classes themselves are changed by projects/, because labels are counted again then.
Does not know labels.
"""
