"""Looking at a process from outside."""

import os
import subprocess
import sys
import time

from bench.watch import descendants, dropped, tree_cpu_s, tree_rss_kib, udp_receive_errors

SNMP = """\
Tcp: RtoAlgorithm InErrs
Tcp: 1 77
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors
Udp: 1000 2 31 900 30 0
"""
SOCKETS = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  10: 0100007F:5DC0 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 5
  11: 0100007F:5DC2 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 2
  12: 0100007F:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 9
"""


def test_receive_errors_are_those_of_udp() -> None:
    assert udp_receive_errors(SNMP) == 31


def test_only_the_sockets_asked_for_count() -> None:
    assert dropped(range(24000, 24003), SOCKETS) == 7


def test_cpu_and_memory_are_those_of_the_whole_tree() -> None:
    work = "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.1: pass"
    code = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {work!r}])\nprint('done', flush=True)\ninput()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        # The grandchild has ended and been reaped; what it used still counts, in ticks of 10 ms.
        assert tree_cpu_s(process.pid) >= 0.08
        assert tree_rss_kib(process.pid) > 1000
        process.kill()


def test_our_own_clock_is_the_one_we_read() -> None:
    before = time.process_time()
    assert tree_cpu_s(os.getpid()) >= before


def test_a_process_is_its_own_first_descendant() -> None:
    assert descendants(os.getpid())[0] == os.getpid()
