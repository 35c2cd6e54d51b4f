"""CEL, the language of rules. Under construction."""
