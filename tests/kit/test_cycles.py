import gc

from pinnace.kit.cycles import seldom


def test_a_process_gets_its_own_settings_back() -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)
        with seldom():
            assert gc.get_threshold()[0] > 700
            with seldom():
                assert gc.get_threshold()[0] > 700
            assert gc.get_threshold()[0] > 700
        assert gc.get_threshold() == (700, 10, 10)
    finally:
        gc.set_threshold(*before)


def test_a_process_that_looks_for_no_cycles_is_left_alone() -> None:
    before = gc.get_threshold()
    try:
        gc.set_threshold(0)
        with seldom():
            assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*before)
