"""One query against a long cache, and plain copies of as many bytes: what memory gives when nothing is computed."""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import torch
from peer import Work
from torch.nn.functional import scaled_dot_product_attention


def decode(S, H, keyHeads, D, layers):
    torch.manual_seed(1)
    query = torch.randn(1, H, 1, D)
    key, value = (torch.randn(1, keyHeads, S, D) for _ in range(2))
    # A call for each layer in turn, so that no cache is still in the processor's when its turn comes.
    scales = [1 + layer / layers for layer in range(layers)]
    caches = cycle([(key * scale, value * scale) for scale in scales])

    def mix():
        key, value = next(caches)
        return scaled_dot_product_attention(query, key, value, enable_gqa=True)

    return mix


def copy(moved, buffers, threads):
    """Copies that read and write `moved` bytes together, between other buffers at each call; by as many threads of memcpy, or, where that
    is 0, by torch's own copy."""
    count = moved // 2
    pairs = cycle([(torch.zeros(count, dtype=torch.uint8), torch.ones(count, dtype=torch.uint8)) for _ in range(buffers)])
    part = -(-count // max(threads, 1))
    starts = range(0, count, part)
    pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def move(target, source, start):
        ctypes.memmove(target.data_ptr() + start, source.data_ptr() + start, min(part, count - start))

    def run(n):
        for _ in range(n):
            target, source = next(pairs)
            if threads == 0:
                target.copy_(source)
            elif pool is None:
                move(target, source, 0)
            else:
                for done in [pool.submit(move, target, source, start) for start in starts]:
                    done.result()

    return Work(run)
