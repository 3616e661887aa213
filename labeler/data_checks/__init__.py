"""Is something wrong with the data set? Images that are gone, damaged, blurred or odd, and groups that are left out.

Verbs: ask for a check (a job), measure new images, say what was found, count who labeled what and how well groups of
images are covered.
Writes: ImageCheck, ImageFinding. Does not know how a finding is told (wording, pages), nor what any model says: nothing
here may depend on it, because reviewers who label read it.
"""
