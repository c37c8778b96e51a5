"""Training steps of a GPT; each case says its first losses, so that both sides are seen to do the same."""

from gpt import Training
from peer import Work, serve


def step(first, **arguments):
    training = Training(**arguments)
    losses = [training.step() for _ in range(first)]
    return Work(training.run, losses)


serve({"step": step})
