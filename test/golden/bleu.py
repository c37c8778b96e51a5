"""Makes bleu.json: sacrebleu's scores of small random corpora.

pip install sacrebleu==2.6.0; python test/golden/bleu.py
Tokens are small numbers written as words; hypotheses are references with some words changed, left out or put in.
"""

import itertools
import json
import pathlib
import random

from sacrebleu.metrics import BLEU

random.seed(11)


def sentence(least, most, words):
    return [str(random.randrange(words)) for _ in range(random.randint(least, most))]


def disturbed(tokens, rate, words):
    out = []
    for token in tokens:
        draw = random.random()
        if draw < rate:
            out.append(str(random.randrange(words)))
        elif draw < 1.5 * rate:
            continue
        else:
            out.append(token)
        if random.random() < rate / 3:
            out.append(str(random.randrange(words)))
    return out


def corpus(sentences, references, least, most, words, rate):
    refs = []
    for _ in range(sentences):
        first = sentence(least, most, words)
        refs.append([first] + [disturbed(first, 0.3, words) or first for _ in range(references - 1)])
    return {"hypotheses": [disturbed(r[0], rate, words) for r in refs], "references": refs}


corpora = [
    corpus(12, 1, 5, 20, 30, 0.2),
    corpus(12, 3, 5, 20, 30, 0.3),
    corpus(6, 2, 1, 4, 12, 0.3),  # too short for 4-grams
    corpus(5, 1, 8, 12, 40, 0.8),  # nearly no matches
    {"hypotheses": [["1", "2", "3"]], "references": [[["4", "5", "6"]]]},  # none at all
    {"hypotheses": [["1", "1", "1", "1", "1", "2"]], "references": [[["1", "2"], ["1", "1", "2"]]]},  # clipped
    {"hypotheses": [[], ["7", "8", "9", "7"]], "references": [[["1", "2"], ["1"]], [["7", "8", "9"], ["7", "8", "9", "7", "3"]]]},
    {"hypotheses": [["3", "1"]], "references": [[["3", "1", "2", "5", "6", "7"]]]},
]
SMOOTHING = [("exp", None), ("floor", None), ("floor", 0.01), ("add-k", None), ("add-k", 0.5), ("none", None)]


def result(score):
    return {
        "score": score.score, "precisions": score.precisions, "brevityPenalty": score.bp,
        "hypothesisLength": score.sys_len, "referenceLength": score.ref_len,
    }


cases = []
for number, c in enumerate(corpora):
    text = [" ".join(h) for h in c["hypotheses"]]
    refs = [[" ".join(r) for r in rs] for rs in c["references"]]
    for (method, value), effective, order in itertools.product(SMOOTHING, (False, True), (4, 2)):
        metric = BLEU(tokenize="none", force=True, smooth_method=method, smooth_value=value,
                      effective_order=effective, max_ngram_order=order)
        streams = [list(stream) for stream in zip(*refs)]
        cases.append({
            "corpus": number, "smoothing": method, "smoothingValue": value, "effectiveOrder": effective,
            "maxOrder": order, "result": result(metric.corpus_score(text, streams)),
            "last": result(metric.sentence_score(text[-1], refs[-1])),
        })
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"corpora": corpora, "cases": cases}) + "\n")
