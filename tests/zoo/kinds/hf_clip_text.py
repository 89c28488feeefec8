"""CLIP text model of transformers"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [
    { name = "input_ids", shape = [8], dtype = "int64", range = [0, 99] },
    { name = "attention_mask", shape = [8], dtype = "int64" },
]

[prune]
amount = 0.5
"""

NEEDS = ("transformers",)


def build():
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=100,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        eos_token_id=99,
        bos_token_id=98,
        pad_token_id=0,
    )
    return CLIPTextModel(config)


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)},
    outputs=["last_hidden_state", "pooler_output"],
)
