"""Tables for people: the columns of each kind and how a row's cells are filled."""
