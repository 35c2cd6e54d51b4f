from uuid import RFC_4122, UUID

from pinnace.kit.uids import LETTERS, new_suffix, new_uid


def test_uids_are_random_uuids() -> None:
    made = {new_uid() for _ in range(1000)}
    assert len(made) == 1000
    for text in made:
        parsed = UUID(text)
        assert (parsed.version, parsed.variant, str(parsed)) == (4, RFC_4122, text)


def test_suffixes_are_five_letters_that_make_no_words() -> None:
    made = {new_suffix() for _ in range(1000)}
    assert len(made) > 990
    assert {len(text) for text in made} == {5}
    assert set("".join(made)) <= set(LETTERS)
    assert not set(LETTERS) & set("aeiou013")
