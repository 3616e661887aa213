"""REST over the domain: parse, check access, call one verb, shape the answer. One module per noun.

An answer is made by the shape that describes it in OpenAPI. What is asked for at the pace of labeling, or is long
(claims, labels, reviews, lists of images, exports), is made by hand; there the tests hold it to its shape.

Writes nothing itself and decides nothing: what may be done stands in `labeler`, what it is called in
docs/rest.md.
"""
