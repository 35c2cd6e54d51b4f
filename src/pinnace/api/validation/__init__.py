"""What keeps an object from being stored: every broken rule at once, in upstream words."""
