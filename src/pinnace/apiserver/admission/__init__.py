"""What may be stored: admission, a file per plug-in, in upstream's order."""
