"""Config class of transformers with arguments, as the source of a model"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "transformers:DistilBertConfig"
inputs = [
    { name = "input_ids", shape = ["tokens"], dtype = "int64", range = [0, 99] },
    { name = "attention_mask", shape = ["tokens"], dtype = "int64", range = [0, 1] },
]
arguments = { vocab_size = 100, dim = 16, n_layers  = 1, n_heads = 2, hidden_dim = 32 }

[prune]
amount = 0.5
"""

NEEDS = ("transformers",)
PLAIN_TORCH = False
PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)},
    inputs={"input_ids": ["batch", "tokens"], "attention_mask": ["batch", "tokens"]},
    outputs=["last_hidden_state"],
)
