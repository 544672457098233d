"""`giftcard keys`: a ring is made whole, for its owner alone, and never in the place of another."""

import stat
from pathlib import Path

from giftcard_command import giftcard
from giftcard_server import keys


def test_a_new_ring_has_one_key_that_its_owner_alone_can_read(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    done = giftcard("keys", "new", str(path))
    assert done.returncode == 0, done.stderr
    (key,) = keys.read(path).keys
    assert key.secret.hex() not in done.stdout + done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_ring_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    keys.make(path)
    before = path.read_bytes()
    done = giftcard("keys", "new", str(path))
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert path.read_bytes() == before


def test_a_ring_that_cannot_be_written_is_a_clear_no(tmp_path: Path) -> None:
    done = giftcard("keys", "new", str(tmp_path / "no such folder" / "ring"))
    assert done.returncode == 2
    assert "No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr
