"""The objects that every cluster has from its first boot on, as data."""
