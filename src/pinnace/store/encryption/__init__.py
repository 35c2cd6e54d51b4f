"""Encryption at rest: what lies between the server's objects and a store that may not see them."""
