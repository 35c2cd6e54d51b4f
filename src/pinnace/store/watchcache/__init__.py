"""The current objects and their recent changes, as bytes, kept by one watch on the store."""
