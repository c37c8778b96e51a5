# Makes text.json: what Python's `tokenizers` and PyTorch's DataLoader give for the tests in test/text.
# pip install tokenizers==0.23.2 torch==2.13.0; python test/golden/text.py (from the root of the repository)
import json

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.utils.data import DataLoader


def train(text, size, least, special=()):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=least,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text], trainer)
    return tokenizer


def read(name, characters):
    with open(f"data/{name}.txt", encoding="utf-8", newline="") as file:
        return file.read()[:characters]


def noise(alphabet, length):
    state, out = 1, []
    for _ in range(length):
        state = (state * 1103515245 + 12345) % 2**31
        out.append(alphabet[(state >> 16) % len(alphabet)])
    return "".join(out)


tricky = [
    "",
    " ",
    "Don't you'LL I'VE  it's\tthat's\n\n  done. \r\n",
    "naïve café e\u0301 A\u030a\ufb01 \u0130 \u01c5\u00aa\u02b0",
    "床前明月光，疑是地上霜。1234567890 ２３ ² Ⅷ ٣",
    "😀👩\u200d👩\u200d👧 🇨🇳\U00020000 𝒜",
    "\u0000\u0001\u001f\u007f\u0085\u00a0\u00ad\u2028\u2029\u3000\ufeff\ufffd\U0010ffff",
    "a\u0085b \u0085 \ufeff x\ufeff \u180e y\u200b z\u1680",
    "नमस्ते 한국어 ไทย עברית العربية",
    "x" * 300 + " " * 50 + "\n" * 20,
    "<|endoftext|> a<|endoftext|>b <|endoftext",
    "=+-*/{}[]()<>!?;:'\"\\`~@#$%^&_|",
]
texts = {
    "english": train(read("moby-dick", 30000), 600, 2, ["<|endoftext|>"]),
    "chinese": train(read("tang-poems", 3000), 500, 0),
    # Few letters and many merges: equal counts abound.
    "noise": train(noise("aab bc\n", 6000), 900, 0),
    "special": train(read("moby-dick", 5000), 400, 2, ["the", "th", "<|endoftext|>"]),  # two that read like merges
    "runs": train("a" * 500 + " " + "ab" * 300 + " " + "abc" * 100 + "aaab" * 77, 300, 0),
}
trained = {}
for name, tokenizer in texts.items():
    model = json.loads(tokenizer.to_str())["model"]
    ids = [tokenizer.encode(text).ids for text in tricky]
    trained[name] = {
        "merges": [" ".join(pair) for pair in model["merges"]],
        "size": tokenizer.get_vocab_size(),
        "ids": ids,
        "decoded": [tokenizer.decode(i, skip_special_tokens=False) for i in ids],
        "reversed": [tokenizer.decode(i[::-1], skip_special_tokens=False) for i in ids],
    }

# The file that CharacterTokenizer writes; the test compares it with what Heed writes, so Python has read that very file.
alphabet = sorted(set("".join(tricky)))
file = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": None,
    "post_processor": None,
    "decoder": {"type": "Fuse"},
    "model": {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {character: i for i, character in enumerate(alphabet)},
        "merges": [],
    },
}
reader = Tokenizer.from_str(json.dumps(file))
ids = [reader.encode(text).ids for text in tricky]
characters = {"file": file, "ids": ids, "decoded": [reader.decode(i) for i in ids]}

patterns = {
    "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    "parts": r"\p{Han}+|\d+|.+?x|a{2}|\u4e2d|\x41|[^\S\n]+|(?<=e)\p{^L}|(?i:[sk])",
}
split = {}
for name, pattern in patterns.items():
    splitter = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    split[name] = {"pattern": pattern, "pieces": [[p for p, _ in splitter.pre_tokenize_str(t)] for t in tricky]}

torch.manual_seed(123)
loader = DataLoader(list(range(11)), batch_size=4, shuffle=True, drop_last=False)
epochs = [[batch.tolist() for batch in loader] for _ in range(3)]

with open("test/golden/text.json", "w", encoding="utf-8") as file:
    golden = {"tricky": tricky, "trained": trained, "characters": characters, "split": split, "epochs": epochs}
    json.dump(golden, file, separators=(",", ":"))
