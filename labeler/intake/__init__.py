"""Images in: check the bytes, make the renditions, keep the files, write the rows.

check.py says whether bytes are an image, renditions.py makes what a screen and a network look at, store.py
keeps files by their hash, full_size.py makes the largest rendition when it is first asked for, pyramid.py and
tiles.py the tiles of large images (asked for by tile_jobs.py), archives.py walks zips, tars and folders,
images.py writes the rows, near_duplicates.py knows newcomers that are nearly an image that is
there (from a sketch of each) and keeps the groups; trash.py takes images out of sight, back, and away for good.
tree.py gives the files of a folder, an archive or a bucket by name, formats/ reads what other tools wrote as one kind
of record, fetch.py asks addresses; bucket_objects.py knows originals that stay in their bucket, and originals.py gives
an original from wherever it lies.
Writes: Image, Sketch, BucketObject. Does not know how an image is counted (labeling/counters.py).
"""
