"""What a step frees stays with the process, for the next step: on the CPU, with glibc."""

import ctypes

# of malloc.h; glibc's manual, "Malloc Tunable Parameters"
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def keep_freed_memory() -> None:
    """Let glibc use freed buffers again, however large they are; elsewhere do nothing.

    Otherwise it asks the kernel for each buffer above 32 MiB and hands it back at once. The kernel clears
    each page when it is first touched, which at the published sizes takes as long as the layers' arithmetic.
    The price: a process, which this is set for until it ends, holds what it needed at its peak, and that is
    higher by up to a fifth, for buffers of one size do not always fit where others were (README, Measured).
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_MAX, 0)
        libc.mallopt(_M_TRIM_THRESHOLD, -1)  # never
