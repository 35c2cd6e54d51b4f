"""What is wrong with text that is no JSON, in the words of Go's encoding/json.

Only bodies that did not decode come here, so this reads byte by byte, as Go's scanner does, up to
the first one that fits nowhere.
"""

_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_ESCAPES = b'bfnrt\\/"'
_HEX = b"0123456789abcdefABCDEF"
_MAX_DEPTH = 10_000
_END = "unexpected end of JSON input"
_VALUE = "looking for beginning of value"
TOO_DEEP = "exceeded max depth"


class _Wrong(Exception):
    """The text is no JSON, for this reason."""


def complaint(body: bytes) -> str:
    """Return the first syntax error of a body, or an empty string if there is none."""
    try:
        _Scanner(body).document()
    except _Wrong as error:
        return str(error)
    return ""


def quoted(byte: int) -> str:
    """Write a byte as Go quotes a character."""
    special = {
        0x27: r"'\''", 0x22: "'\"'", 0x5C: r"'\\'", 0x0A: r"'\n'", 0x0D: r"'\r'", 0x09: r"'\t'",
        0x07: r"'\a'", 0x08: r"'\b'", 0x0C: r"'\f'", 0x0B: r"'\v'",
    }  # fmt: skip
    if byte in special:
        return special[byte]
    if byte < 0x20 or byte == 0x7F:
        return f"'\\x{byte:02x}'"
    if 0x80 <= byte < 0xA1 or byte == 0xAD:
        return f"'\\u00{byte:02x}'"
    return f"'{chr(byte)}'"


class _Scanner:
    """Reads a body and stops where it is wrong."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def document(self) -> None:
        """Read one value and what may stand around it."""
        open_ends: list[int] = []
        self._value(open_ends)
        while open_ends:
            self._inside(open_ends)
        if self._peek() is not None:
            raise self._wrong("after top-level value")

    def _inside(self, open_ends: list[int]) -> None:
        """Go on after a value within an object or array."""
        in_object = open_ends[-1] == 0x7D
        byte = self._next()
        if byte == open_ends[-1]:
            open_ends.pop()
        elif byte == 0x2C:
            if in_object:
                self._key()
            self._value(open_ends)
        else:
            self._at -= 1
            raise self._wrong(f"after {'object key:value pair' if in_object else 'array element'}")

    def _value(self, open_ends: list[int]) -> None:
        """Read a value, or the beginnings of those that hold others down to a plain one."""
        while True:
            byte = self._next()
            if byte not in b"{[":
                self._plain(byte)
                return
            open_ends.append(0x7D if byte == 0x7B else 0x5D)
            if len(open_ends) > _MAX_DEPTH:
                raise _Wrong(TOO_DEEP)
            if self._peek() == open_ends[-1]:
                self._next()
                open_ends.pop()
                return
            if byte == 0x7B:
                self._key()

    def _plain(self, byte: int) -> None:
        if byte == 0x22:
            self._string()
        elif byte == 0x2D or byte in _DIGITS:
            self._number(byte)
        elif byte in b"tfn":
            self._literal({0x74: b"true", 0x66: b"false", 0x6E: b"null"}[byte])
        else:
            self._at -= 1
            raise self._wrong(_VALUE)

    def _key(self) -> None:
        if self._next() != 0x22:
            self._at -= 1
            raise self._wrong("looking for beginning of object key string")
        self._string()
        if self._next() != 0x3A:
            self._at -= 1
            raise self._wrong("after object key")

    def _string(self) -> None:
        while True:
            byte = self._byte()
            if byte == 0x22:
                return
            if byte == 0x5C:
                self._escape()
            elif byte < 0x20:
                self._at -= 1
                raise self._wrong("in string literal")

    def _escape(self) -> None:
        byte = self._byte()
        if byte == 0x75:
            for _ in range(4):
                if self._byte() not in _HEX:
                    self._at -= 1
                    raise self._wrong(r"in \u hexadecimal character escape")
        elif byte not in _ESCAPES:
            self._at -= 1
            raise self._wrong("in string escape code")

    def _number(self, byte: int) -> None:
        if byte == 0x2D:
            byte = self._digit("in numeric literal")
        if byte != 0x30:
            self._digits()
        if self._here() == 0x2E:
            self._at += 1
            self._digit("after decimal point in numeric literal")
            self._digits()
        if self._here() in (0x65, 0x45):
            self._at += 1
            if self._here() in (0x2B, 0x2D):
                self._at += 1
            self._digit("in exponent of numeric literal")
            self._digits()

    def _digit(self, where: str) -> int:
        byte = self._byte()
        if byte not in _DIGITS:
            self._at -= 1
            raise self._wrong(where)
        return byte

    def _digits(self) -> None:
        while self._here() is not None and self._body[self._at] in _DIGITS:
            self._at += 1

    def _literal(self, word: bytes) -> None:
        for letter in word[1:]:
            if self._byte() != letter:
                self._at -= 1
                raise self._wrong(f"in literal {word.decode()} (expecting '{chr(letter)}')")

    def _here(self) -> int | None:
        return self._body[self._at] if self._at < len(self._body) else None

    def _byte(self) -> int:
        if self._at >= len(self._body):
            raise _Wrong(_END)
        self._at += 1
        return self._body[self._at - 1]

    def _peek(self) -> int | None:
        while self._at < len(self._body) and self._body[self._at] in _SPACE:
            self._at += 1
        return self._here()

    def _next(self) -> int:
        self._peek()
        return self._byte()

    def _wrong(self, where: str) -> _Wrong:
        return _Wrong(f"invalid character {quoted(self._body[self._at])} {where}")
