"""Tokens for service accounts: issuing, and the documents by which others check them."""
