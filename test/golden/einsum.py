"""Writes einsum.json: torch.einsum, values and gradients. Run: python einsum.py  (needs torch)

Operand k holds ((7 i + 3 k) mod 11 - 5) / 4 at flat position i: multiples of a quarter, so every sum is exact in any order.
Gradients are those of sum(result * u), u holding (i mod 5) - 2.
"""
import json
import pathlib

import torch

CASES = [
    # one operand: permutations, sums, diagonals
    ("ij->ji", [2, 3]), ("ij", [2, 3]), ("ba", [2, 3]), ("ij->", [2, 3]), ("ij->i", [2, 3]), ("ij->j", [2, 3]),
    ("ii->i", [3, 3]), ("ii", [3, 3]), ("ii->", [3, 3]), ("iij->ij", [3, 3, 2]), ("iji->j", [3, 2, 3]), ("iji->ij", [3, 2, 3]),
    ("iii->i", [3, 3, 3]), ("iijj->ij", [2, 2, 3, 3]), ("ijij->ji", [2, 3, 2, 3]), ("i->", [4]), ("->", []), ("i", [1]), ("ii->i", [1, 1]),
    ("...ii->...i", [2, 3, 3]), ("...ij->...ji", [2, 3, 4]), ("i...->...", [2, 3, 4]), ("...", [2, 3]), ("...i", [2, 3]), ("i...j->j", [2, 3, 4]),
    ("aB->Ba", [2, 3]), ("aB", [2, 3]), ("Ab", [2, 3]),
    # vectors and matrices
    ("i,i->", [4], [4]), ("i,i", [4], [4]), ("i,i->i", [4], [4]), ("i,j->ij", [3], [4]), ("i,j->ji", [3], [4]), ("i,j->", [3], [4]),
    ("ij,j->i", [3, 4], [4]), ("i,ij->j", [3], [3, 4]), ("ij,ij->", [3, 4], [3, 4]), ("ij,ij->ij", [3, 4], [3, 4]), ("ij,ij->i", [3, 4], [3, 4]),
    ("ij,jk->ik", [3, 4], [4, 2]), ("ij,jk", [3, 4], [4, 2]), ("ij,jk->ki", [3, 4], [4, 2]), ("ij,kj->ik", [3, 4], [2, 4]), ("ji,jk->ik", [4, 3], [4, 2]),
    ("ij,ji->", [3, 4], [4, 3]), ("ij,kl->ijkl", [2, 3], [4, 2]), ("ij,jk->", [3, 4], [4, 2]), ("ij,jk->j", [3, 4], [4, 2]), (",ij->ij", [], [2, 3]), (",->", [], []),
    # batches, several inner letters, orders that differ
    ("bij,bjk->bik", [2, 3, 4], [2, 4, 2]), ("bij,bjk->ikb", [2, 3, 4], [2, 4, 2]), ("bhtd,bhsd->bhts", [2, 2, 3, 4], [2, 2, 5, 4]),
    ("bthd,bshd->bhts", [2, 3, 2, 4], [2, 5, 2, 4]), ("bhts,bshd->bthd", [2, 2, 3, 5], [2, 5, 2, 4]), ("btc,chd->bhtd", [2, 3, 4], [4, 2, 3]),
    ("bthd,hdc->btc", [2, 3, 2, 4], [2, 4, 5]), ("bthd,dhc->btc", [2, 3, 2, 4], [4, 2, 5]), ("bthd,hdc->bthc", [2, 3, 2, 4], [2, 4, 5]),
    ("ibj,bc->ijc", [3, 4, 2], [4, 2]), ("abcd,cdab->", [2, 3, 2, 2], [2, 2, 2, 3]), ("abcd,dcbe->aeb", [2, 3, 2, 4], [4, 2, 3, 2]),
    ("iij,jk->ik", [3, 3, 2], [2, 4]), ("bii,bij->bj", [2, 3, 3], [2, 3, 2]),
    # sums of one side alone, size 1 broadcasting
    ("ijk,kl->il", [2, 3, 4], [4, 2]), ("ij,kl->il", [2, 3], [2, 4]), ("ij,jk->ik", [3, 1], [4, 2]), ("ij,jk->ik", [3, 4], [1, 2]),
    ("bij,bjk->bik", [1, 3, 4], [2, 4, 2]), ("bij,bjk->bik", [2, 3, 4], [1, 4, 2]), ("bij,bjk->bik", [1, 3, 4], [1, 4, 2]), ("ij,ij->j", [1, 4], [3, 1]),
    ("ij,ij->", [1, 4], [3, 1]), ("ij,jk->ik", [1, 1], [1, 1]),
    # dots
    ("...ij,...jk->...ik", [2, 3, 4], [4, 2]), ("...ij,...jk->...ik", [3, 4], [2, 4, 2]), ("...ij,...jk", [2, 1, 3, 4], [3, 4, 2]),
    ("...ij,...jk->ik", [2, 3, 4], [2, 4, 2]), ("b...d,...d->b...", [2, 3, 4], [3, 4]), ("...,...", [2, 3], [3]), ("...,...->...", [2, 1], [1, 3]),
    ("i...,j...->ij...", [2, 4], [3, 4]), ("...i,i->...", [2, 3, 4], [4]), ("...,...->", [2, 3], [2, 3]), ("t...d,s...d->...ts", [2, 3, 4], [5, 3, 4]),
    # three and more
    ("i,i,i->", [4], [4], [4]), ("ij,jk,kl->il", [2, 3], [3, 4], [4, 2]), ("ij,jk,kl", [4, 3], [3, 2], [2, 4]), ("i,ij,j->", [3], [3, 4], [4]),
    ("bi,bj,bk->bijk", [2, 2], [2, 3], [2, 2]), ("bn,anm,bm->ba", [2, 3], [4, 3, 2], [2, 2]), ("i,j,k->kij", [2], [3], [2]),
    ("ij,jk,kl,lm->mi", [2, 3], [3, 2], [2, 3], [3, 2]), ("...a,...b,abc->...c", [2, 3], [2, 2], [3, 2, 4]), ("ij,ij,jk->ik", [2, 3], [1, 3], [3, 2]),
    # spaces, empty axes
    (" i j , j k -> i k ", [3, 4], [4, 2]), ("i ... , ... j", [2, 3], [3, 2]), ("ij,jk->ik", [3, 0], [0, 2]), ("ij,jk->ik", [0, 4], [4, 2]), ("ij->i", [3, 0]),
]


def plain(t):
    return [int(v) if v == int(v) else v for v in t.reshape(-1).tolist()]


lines = []
for equation, *shapes in CASES:
    operands = []
    for k, shape in enumerate(shapes):
        i = torch.arange(torch.Size(shape).numel())
        operands.append((((7 * i + 3 * k) % 11 - 5) / 4.0).reshape(shape).requires_grad_())
    y = torch.einsum(equation, *operands)
    u = (torch.arange(y.numel()) % 5 - 2).reshape(y.shape)
    grads = torch.autograd.grad((y * u).sum(), operands)
    lines.append(json.dumps({"equation": equation, "shapes": shapes, "to": list(y.shape), "data": plain(y), "grads": [plain(g) for g in grads]}, separators=(",", ":")))
pathlib.Path(__file__).with_suffix(".json").write_text("[\n%s\n]\n" % ",\n".join(lines))
