"""Whether a JSONPath template can be read, in the words of client-go's parser."""

from pinnace.api.validation.base import quoted


def parse_json_path(template: str) -> None:
    """Read `{path}`; raises ValueError when a bracket is left open or nothing can be made of it."""
    depth, quote = 0, ""
    body = template[1:-1]
    for letter in body:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "[":
            depth += 1
        elif letter == "]":
            depth -= 1
            if depth < 0:
                raise ValueError(
                    f"unrecognized character in action: U+{ord(letter):04X} '{letter}'"
                )
    if quote:
        raise ValueError(f"unterminated quoted string: {quoted(quote)}")
    if depth:
        raise ValueError("unterminated array")
