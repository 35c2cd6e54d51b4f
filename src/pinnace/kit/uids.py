"""Names that never come twice."""

import random


def new_uid() -> str:
    """Return a random UUID (version 4); good for telling things apart, not for secrets.

    The generator is seeded by the system, which is not asked again for each: that costs more than
    all the rest of a small request.
    """
    bits = random.getrandbits(128) & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
