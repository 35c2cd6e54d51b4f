"""Who is asking: authentication, a file per method."""
