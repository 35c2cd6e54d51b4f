"""The test kit: builders and fakes."""
