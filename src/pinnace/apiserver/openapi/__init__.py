"""OpenAPI v3 and v2 documents, made from rows and type facts."""
