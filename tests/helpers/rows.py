"""All columns of a row, to compare."""


def values(row):
    """All columns, as the ORM would give them."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
