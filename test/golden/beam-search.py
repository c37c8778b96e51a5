"""Makes beam-search.json: what transformers' beam search finds for a model that is a table of logits by the last two tokens.

pip install torch==2.13.0 transformers==5.18.0; python -P test/golden/beam-search.py
The table is drawn from a seed, so that only results are stored. transformers divides by length^p; with p = 0 there is no penalty.
"""

import json
import pathlib

import torch
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

V, BEGIN, END, SCALE, PUSH = 9, 1, 0, 2.0, 2.5


class Table(PreTrainedModel, GenerationMixin):
    config_class = PretrainedConfig
    main_input_name = "input_ids"

    def __init__(self, config, table):
        super().__init__(config)
        self.table = torch.nn.Parameter(table)

    def forward(self, input_ids, **kwargs):
        before = torch.cat((torch.full_like(input_ids[:, :1], BEGIN), input_ids[:, :-1]), 1)
        return CausalLMOutput(logits=self.table[before, input_ids])

    def prepare_inputs_for_generation(self, input_ids, **kwargs):
        return {"input_ids": input_ids}


cases = []
for seed in range(6):
    torch.manual_seed(seed)
    table = torch.randn(V, V, V) * SCALE
    table[..., END] += PUSH  # so that every text comes to an end
    model = Table(PretrainedConfig(vocab_size=V), table).eval()
    for width in (1, 2, 3, 5):
        # Long enough for all the hypotheses found to have ended by themselves.
        config = GenerationConfig(
            max_length=60, num_beams=width, num_return_sequences=width, do_sample=False, length_penalty=0.0,
            early_stopping=False, eos_token_id=END, pad_token_id=END, bos_token_id=BEGIN, use_cache=False,
            return_dict_in_generate=True, output_scores=True,
        )
        starts = [3, 5]  # two sentences: their second tokens differ
        out = model.generate(torch.tensor([[BEGIN, s] for s in starts]), generation_config=config)
        found = []
        for row in range(len(starts) * width):
            tokens = out.sequences[row, 2:].tolist()
            assert END in tokens
            score = out.sequences_scores[row].item() if width > 1 else None
            found.append({"tokens": tokens[: tokens.index(END)], "score": score})
        cases.append({"seed": seed, "width": width, "starts": starts,
                      "found": [found[i * width:(i + 1) * width] for i in range(len(starts))]})

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"V": V, "begin": BEGIN, "end": END, "scale": SCALE, "push": PUSH, "cases": cases}) + "\n")
