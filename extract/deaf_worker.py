"""What a process of ``local:N`` does first: it turns deaf to signals.

Those of a terminal or of a job's end reach all processes; what to do is the parent's business.
"""

import signal


def dask_setup(worker: object) -> None:
    """Dask calls this in each process, before the worker starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
