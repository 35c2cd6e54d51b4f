"""The one front door through which every component reaches the cluster."""
