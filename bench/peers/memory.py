"""How much memory this process holds when it trains a GPT: before the model is made, and at most."""

import resource
import sys

from gpt import Training
from peer import Work, serve


def footprint(steps, **arguments):
    base = status("VmRSS:") or peak()
    Training(**arguments).run(steps)
    return Work(lambda n: None, {"base": base, "peak": peak()})


def status(field):
    """Bytes, from Linux's own account of this process; None elsewhere."""
    try:
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
    except OSError:
        return None


def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return status("VmHWM:") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


serve({"footprint": footprint})
