"""Facts about the fields of every built-in type: types, list types, patch keys, defaults."""
