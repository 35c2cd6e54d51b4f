"""Between bytes and objects: JSON, YAML, protobuf, and the form in which objects are stored."""
