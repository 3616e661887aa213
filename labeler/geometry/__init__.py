"""Boxes, polygons and masks as plain values: checked, compared, changed and coded; one file per question.

checks.py: may this shape be stored? overlaps.py: how far do shapes cover each other? masks.py: bits from shapes and
shapes from bits. transforms.py: shapes of a picture that is resized or cropped. codes.py: run-length
codes of COCO, CVAT and Label Studio. boundaries.py: how near outlines run. Beneath: shapes.py (what a shape is, reason
codes), spans.py (sets of pixels as runs), many_spans.py (those of thousands of shapes in one pass), rectangles.py
(which overlap), polygons.py (what shapely does for us).
A shape is a dict as in REST: {"box": [x, y, width, height]}, {"polygon": [ring, hole, ...]} or {"mask": {...}}, in
pixel-edge coordinates of the upright image: x from 0 to its width.
Knows no database, no pictures, no classes and no sentences: what is wrong with a shape is a code. shapely and
pycocotools are loaded by the first shape that needs them, not by importing this package.
"""
