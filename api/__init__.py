"""REST over the domain: parse, check access, call one verb, shape the answer. One module per noun.

Writes nothing itself and decides nothing: what may be done stands in `labeler`, what it is called in
docs/rest.md.
"""
