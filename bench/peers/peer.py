"""The PyTorch side of a comparison: prepares work when asked for it, keeps it, and times it.

Requests come as lines of JSON on standard input and are answered one line each (bench/lib/peer.ts has the other end). A case is a
function of the request's arguments that returns Work; it is made once for the same arguments.
"""

import json
import os
import platform
import sys
import time
import traceback
from typing import Any, Callable, NamedTuple

import torch


class Work(NamedTuple):
    """`run(n)` does the work n times; `about` is sent to the other side."""

    run: Callable[[int], Any]
    about: Any = None


def serve(cases):
    # Only answers may reach standard output, whatever a library prints there.
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    torch.set_num_threads(int(sys.argv[1]))
    print(json.dumps({"python": platform.python_version(), "torch": torch.__version__}), file=channel)
    made = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = json.dumps([request["case"], request["arguments"]])
        try:
            if key not in made:
                made[key] = cases[request["case"]](**request["arguments"])
            answer = {"seconds": seconds(made[key].run, request["repeat"], request["warmup"]), "about": made[key].about}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}
        settle()
        print(json.dumps(answer), file=channel)


def seconds(run, repeat, warmup):
    if repeat == 0:
        return 0
    run(warmup)
    start = time.perf_counter()
    run(repeat)
    return (time.perf_counter() - start) / repeat


def settle():
    """OpenMP's threads spin for some milliseconds when the work is over, which makes PyTorch faster and is left as it is; but the
    other side should not be measured meanwhile. Returns when this process is at rest."""
    for _ in range(60):
        before = time.process_time()
        time.sleep(0.002)
        if time.process_time() - before < 0.0005:
            return
