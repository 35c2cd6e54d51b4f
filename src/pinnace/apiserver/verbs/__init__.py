"""One file per verb or subresource; `table.py` says which serves what."""
