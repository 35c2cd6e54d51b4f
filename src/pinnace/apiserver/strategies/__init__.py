"""What each kind does to an object before it is stored."""
