"""Folder in the Hugging Face layout: config.json and model.safetensors"""

from tests.zoo.expectations import Expectation

GROUP = "architecture"
FAST = False
RECIPE = """
[load]
model = "./tiny-bert"
inputs = [
    { name = "input_ids", shape = ["tokens"], dtype = "int64", range = [0, 99] },
    { name = "attention_mask", shape = ["tokens"], dtype = "int64", range = [0, 1] },
]

[prune]
amount = 0.5

[export]
outputs = ["logits"]
"""

NEEDS = ("transformers",)
PLAIN_TORCH = False


def prepare(folder):
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=100,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    BertForSequenceClassification(config).save_pretrained(folder / "tiny-bert")


PASSES = Expectation(
    metrics={"sparsity.amount": 50.0, "sparsity.weights": (45.0, 55.0)}, outputs=["logits"]
)
