"""The scheduler: nodes as columns, plug-ins by upstream's names."""
