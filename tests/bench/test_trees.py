"""Process trees are read from /proc as they are."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.machine import busy_s
from bench.trees import Stat, cpu_s, members, memory, parse_stat, tree

LINE = (
    "4242 (a (strange) name) S 7 4242 99 0 -1 4194304 100 0 0 0 11 22 3 4 20 0 1 0 100 1000 200 18446744073709551615 "
    "1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
)
CPU = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 0 50 1000 10 5 5 40 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\n"


def test_a_stat_line_is_read_past_a_strange_name() -> None:
    """Times of children that have ended count too: they did work for the tree."""
    assert Stat(pid=4242, parent=7, session=99, cpu_ticks=11 + 22 + 3 + 4) == parse_stat(LINE)


def test_a_tree_is_descendants_and_the_session() -> None:
    """Whoever left the session is found by its parent, whoever lost its parent by the session."""
    root, child, grandchild = Stat(10, 1, 10, 0), Stat(11, 10, 11, 0), Stat(12, 11, 11, 0)
    orphan, stranger = Stat(13, 1, 10, 0), Stat(14, 1, 14, 0)

    assert [root, child, grandchild, orphan] == members(10, [root, child, grandchild, orphan, stranger])


def test_a_real_tree_uses_time_and_memory() -> None:
    """Work of a child that has ended is still seen."""
    work = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(3_000_000))']); input()"
    with subprocess.Popen([sys.executable, "-c", f"print(flush=True); {work}"], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while len(tree(process.pid)) > 1 or cpu_s(process.pid) == 0:
            pass
        used, held = cpu_s(process.pid), memory(process.pid)
        process.communicate(b"\n")

    assert 0.01 < used < 10
    assert 1 < held.pss_mb <= held.rss_mb < 500


def test_a_core_is_busy_when_it_neither_idles_nor_waits() -> None:
    """Time that the machine's host took away counts as busy: nobody could use it."""
    ticks = os.sysconf("SC_CLK_TCK")

    assert (100 + 50 + 5 + 5 + 40) / ticks == busy_s(0, CPU)
