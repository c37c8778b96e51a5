"""The attention weights of BERT for two sentences together: of a small BERT, and of BERT-base."""

import torch
from bert import Bert
from weights import fill_weights

T = 26


def _call(**sizes):
    model = Bert(**sizes).eval()
    fill_weights(model)
    ids = torch.randint(0, sizes["vocabulary"], (1, T))
    kinds = (torch.arange(T) >= 14).long().unsqueeze(0)

    def call():
        hidden, patterns = model(ids, kinds)
        return hidden, patterns[-1]

    return call


def forward():
    return _call(vocabulary=4096, context=32, layers=2, heads=4, width=128)


def forwardBase():
    return _call(vocabulary=21128, context=512, layers=12, heads=12, width=768)
