from pathlib import Path

from pinnace.node import mount_table

MOUNTINFO = """\
22 1 8:1 / / rw - ext4 /dev/vda rw
30 22 0:20 / /run/pinnace/a rw shared:1 - tmpfs tmpfs rw
31 30 0:21 / /run/pinnace/a/with\\040space rw - overlay overlay rw
32 22 0:22 / /run/pinnace-other rw - tmpfs tmpfs rw
"""


def test_mount_points_are_unescaped():
    assert mount_table.mount_points(MOUNTINFO)[2] == "/run/pinnace/a/with space"


def test_what_lies_below_comes_last_first_and_without_neighbours():
    points = mount_table.mount_points(MOUNTINFO)
    assert mount_table.below(Path("/run/pinnace"), points) == [
        "/run/pinnace/a/with space",
        "/run/pinnace/a",
    ]
