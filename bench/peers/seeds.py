"""The PyTorch originals of the examples: each file of seeds/ has functions that draw weights and inputs and give one call of the work.

Those called training... keep the bookkeeping for gradients; all others run without it, which makes them faster. Layers that a test's golden
is made with too are in test/golden/examples/originals.
"""

import importlib.util
import pathlib
import sys
from contextlib import nullcontext

import torch
from digest import digest
from peer import Work, serve

FOLDER = pathlib.Path(__file__).parent / "seeds"
sys.path.append(str(FOLDER.parents[2] / "test" / "golden" / "examples"))


def seed(example, name, first):
    spec = importlib.util.spec_from_file_location(example, FOLDER / f"{example}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    call = getattr(module, name)()
    mode = nullcontext if name.startswith("training") else torch.inference_mode

    def run(n):
        with mode():
            for _ in range(n):
                call()

    with mode():
        results = [call() for _ in range(first)]
    return Work(run, [numbers for result in results for numbers in digest(*([result] if torch.is_tensor(result) else result))])


serve({"seed": seed})
