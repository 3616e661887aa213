"""Sentences for what figures, reports and models carry as codes, in the reader's language.

Verbs: say the sentence of a code, put a whole report in words, hand charts their words. Used by pages, documents and
endpoints, at the end. Writes nothing; does not know where a figure comes from.
"""
