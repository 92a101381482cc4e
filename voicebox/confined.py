"""Becomes another program, within limits, that ends no later than the process that started it.

    python -I -S confined.py PARENT CPU_S MEMORY_BYTES PROGRAM [ARGUMENT…]

A program of its own, since what runs between fork and exec in a process with threads (`preexec_fn`) may wait for ever
for a lock that a thread held. It is started as a file, and imports nothing of ours.
"""

import ctypes
import os
import resource
import signal
import sys
from typing import Final

FILES_MAX: Final = 16
"""Standard input, output and error, the input once more, and what a loader opens for a moment."""
NOT_THERE: Final = 127
"""The exit code where the program cannot be started, as a shell's and the loader's."""
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
"""<linux/prctl.h>"""


def main(parent: int, cpu_s: int, memory_bytes: int, *command: str) -> None:
    """Become a program: with this much computing and address space, and no right to write a file.

    Processes are not limited: the kernel counts those of a user, not of a parent, and threads with them.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:  # it ended before it could be followed
        sys.exit(NOT_THERE)
    for what, most in (
        # The same as soft and as hard limit: at the soft one comes a signal that the program may catch, and go on.
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NOFILE, FILES_MAX),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is what is wanted
    except OSError:
        sys.exit(NOT_THERE)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
