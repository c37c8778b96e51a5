"""The PyTorch originals of examples that have layers of their own, for the goldens beside this folder and for bench/peers/seeds."""
