"""How much memory this process has resident, now and at most, in bytes."""

import resource
import sys


def resident():
    return _status("VmRSS:") or peak()


def _status(field):
    """Bytes, from Linux's own account of this process; None elsewhere."""
    try:
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
    except OSError:
        return None


def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return _status("VmHWM:") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak():
    """Lets the peak begin anew from what is resident now; where the system cannot, the earlier peak goes on to count."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass
