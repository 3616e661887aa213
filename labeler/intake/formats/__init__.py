"""Files from elsewhere, one module per kind of content: judgements, metadata. Reads rows; writes no table."""
