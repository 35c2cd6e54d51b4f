"""Shuffle sharding: which few of a level's queues a flow may use. Pure.

Two flows seldom have all their queues in common, so one that floods its own leaves others room.
"""

import hashlib


def flow_hash(schema: str, distinguisher: str) -> int:
    """Return what the hand of a flow is dealt by."""
    digest = hashlib.sha256(f"{schema}\0{distinguisher}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "little")


def deal(entropy: int, deck: int, hand: int) -> tuple[int, ...]:
    """Return `hand` different numbers below `deck`.

    Each card is drawn among those that are left: of 5 queues, the remainders 3, 3 and 0 mean 3,
    then the fourth of what is left, which is 4, then 0.
    """
    cards: list[int] = []
    remainders: list[int] = []
    for drawn in range(hand):
        entropy, card = divmod(entropy, deck - drawn)
        remainders.append(card)
        for before in reversed(remainders[:-1]):
            card += card >= before
        cards.append(card)
    return tuple(cards)
