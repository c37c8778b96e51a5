"""How much memory this process holds when it trains a GPT: before the model is made, and at most."""

from gpt import Training
from peer import Work, serve
from resident import peak, resident


def footprint(steps, **arguments):
    base = resident()
    Training(**arguments).run(steps)
    return Work(lambda n: None, {"base": base, "peak": peak()})


serve({"footprint": footprint})
