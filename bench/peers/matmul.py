"""torch.mm of two square f32 matrices, plain or with one side transposed (a view, as in t.T)."""

import torch
from peer import Work, serve


def mm(size, transposed):
    left, right = torch.randn(size, size), torch.randn(size, size)
    a = left.T if transposed == "left" else left
    b = right.T if transposed == "right" else right
    product = torch.mm

    # Without the bookkeeping for gradients, which makes PyTorch's short calls faster.
    @torch.inference_mode()
    def run(n):
        for _ in range(n):
            product(a, b)

    return Work(run)


serve({"mm": mm})
