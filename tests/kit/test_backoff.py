from pinnace.kit.backoff import Backoff


def test_grows_to_the_maximum_and_starts_over():
    backoff = Backoff(1.0, 5.0)
    assert [backoff.next() for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    backoff.reset()
    assert backoff.next() == 1.0


def test_jitter_adds_up_to_as_much_again():
    assert Backoff(1.0, 5.0, jitter=1.0, random=lambda: 0.5).next() == 1.5
