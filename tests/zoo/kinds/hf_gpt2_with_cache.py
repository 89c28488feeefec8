"""GPT-2 of transformers, whose keys and values are exported as outputs

Their field is called `cache` in transformers 5.
"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "input_ids", shape = ["tokens"], dtype = "int64", range = [0, 99] }]

[prune]
amount = 0.5
"""

NEEDS = ("transformers",)


def build():
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=100, n_positions=32, n_embd=16, n_layer=1, n_head=2)
    return GPT2LMHeadModel(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)},
    outputs=["logits", "cache.0.key", "cache.0.value"],
)
