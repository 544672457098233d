"""The limits on threads, as the kernel shows them, in either version of control groups."""

import resource
from collections.abc import Mapping
from pathlib import Path

import pytest

from giftcard_server.errors import StartRefusedError
from giftcard_server.process import limits
from giftcard_server.process.limits import OTHER_THREADS, Limit, require_room

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
STATUS = (
    "Name:\tgiftcard\nUid:\t1000\t1000\t1000\t1000\nThreads:\t{threads}\nVmSize:\t2048 kB\n"
    "CapEff:\t{capabilities}\n"
)


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system without limits, and with one process of our user beside ours."""
    monkeypatch.setattr(resource, "getrlimit", lambda _which: UNLIMITED)
    own = STATUS.format(threads=7, capabilities="0")
    write(
        tmp_path / "proc",
        {
            "self/status": own,
            "10/status": own,
            "11/status": STATUS.format(threads=5, capabilities="0"),
            "12/status": own.replace("1000", "1001"),
            "self/cgroup": "0::/\n",
        },
    )
    return tmp_path


def found(system: Path) -> list[Limit]:
    return limits.limits(system / "proc", system / "groups")


def limit(monkeypatch: pytest.MonkeyPatch, which: int, most: int) -> None:
    monkeypatch.setattr(
        resource, "getrlimit", lambda asked: (most, most) if asked == which else UNLIMITED
    )


def test_where_nothing_is_limited_there_is_no_limit(system: Path) -> None:
    assert found(system) == []


def test_processes_of_the_user_count_with_all_their_threads(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, resource.RLIMIT_NPROC, 100)
    assert found(system) == [Limit("RLIMIT_NPROC of user 1000", 100, 12)]


@pytest.mark.parametrize("capability", [21, 24])
def test_a_user_who_may_exceed_the_limit_has_none(
    system: Path, monkeypatch: pytest.MonkeyPatch, capability: int
) -> None:
    limit(monkeypatch, resource.RLIMIT_NPROC, 100)
    status = STATUS.format(threads=7, capabilities=f"{1 << capability:016x}")
    write(system / "proc", {"self/status": status})
    assert found(system) == []


@pytest.mark.parametrize(
    ("cgroup", "files", "names"),
    [
        # Version 2: of each group that has a limit, from the own one up.
        (
            "0::/pods/one\n",
            {"pods/one/pids.max": "1024\n", "pods/one/pids.current": "9\n",
             "pods/pids.max": "max\n", "pods/pids.current": "90\n"},
            ["pods/one/pids.max"],
        ),
        (
            "0::/pods/one\n",
            {"pods/one/pids.max": "max\n", "pods/one/pids.current": "9\n",
             "pods/pids.max": "4096\n", "pods/pids.current": "90\n"},
            ["pods/pids.max"],
        ),
        # In a container its own group is the root of what is mounted.
        ("0::/\n", {"pids.max": "100\n", "pids.current": "4\n"}, ["pids.max"]),
        ("0::/of/the/host\n", {"pids.max": "100\n", "pids.current": "4\n"}, ["pids.max"]),
        # Version 1: the group of the controller.
        (
            "8:pids:/docker/a\n3:cpu:/docker/b\n0::/\n",
            {"pids/docker/a/pids.max": "600\n", "pids/docker/a/pids.current": "12\n"},
            ["pids/docker/a/pids.max"],
        ),
    ],
)  # fmt: skip
def test_control_groups_limit_what_is_in_them(
    system: Path, cgroup: str, files: Mapping[str, str], names: list[str]
) -> None:
    write(system / "proc", {"self/cgroup": cgroup})
    write(system / "groups", files)
    assert [each.name for each in found(system)] == [f"{system / 'groups' / n}" for n in names]


def test_the_address_space_has_to_hold_the_stacks(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, resource.RLIMIT_AS, 1 << 30)
    (found_limit,) = found(system)
    assert str(found_limit) == (
        "RLIMIT_AS allows 1024 MiB, of which 2 MiB are in use, and each thread needs 8 MiB"
    )
    assert (found_limit.lacks(127), found_limit.lacks(128)) == (False, True)


def test_all_workers_have_to_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "limits", lambda: [Limit("pids.max", 1000, 100)])
    require_room(900 - OTHER_THREADS)
    with pytest.raises(StartRefusedError, match=f"{901} threads are needed.*pids.max allows 1000"):
        require_room(901 - OTHER_THREADS)
    of_each = (900 - OTHER_THREADS) // 2 - OTHER_THREADS
    require_room(of_each, workers=2)
    with pytest.raises(StartRefusedError, match="in each of 2 workers"):
        require_room(of_each + 1, workers=2)


def test_the_limits_of_this_machine_can_be_read() -> None:
    assert all(each.most >= 0 and each.used >= 0 for each in limits.limits())
