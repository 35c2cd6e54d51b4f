from uuid import RFC_4122, UUID

from pinnace.kit.uids import new_uid


def test_uids_are_random_uuids() -> None:
    made = {new_uid() for _ in range(1000)}
    assert len(made) == 1000
    for text in made:
        parsed = UUID(text)
        assert (parsed.version, parsed.variant, str(parsed)) == (4, RFC_4122, text)
