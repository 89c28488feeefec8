"""Models of both exporters of torch with a dynamic batch: their samples are proven independent."""

import io

import numpy as np
import onnx
import pytest
from passes_twin import describe, find_refusal, run_passes

from prunepack.sparse.native import native

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(native is None, reason="installed without a compiler"),
]


def build_bert():
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=50,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
    )
    return BertModel(config, add_pooling_layer=False), "ids"


def build_vit():
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=16,
    )
    return ViTForImageClassification(config), "image"


def build_resnet():
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    return ResNetForImageClassification(config), "image"


def export(model, kind, *, dynamo):
    import torch

    class FirstOutput(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x)[0]

    ids = kind == "ids"
    x = torch.ones(2, 8, dtype=torch.int64) if ids else torch.zeros(2, 3, 32, 32)
    common = {"input_names": ["x"], "output_names": ["y"], "dynamo": dynamo}
    if dynamo:
        shapes = ({0: torch.export.Dim("batch")},)
        program = torch.onnx.export(FirstOutput().eval(), (x,), dynamic_shapes=shapes, **common)
        return program.model_proto
    axes = {"x": {0: "batch"}, "y": {0: "batch"}}
    file = io.BytesIO()
    torch.onnx.export(
        FirstOutput().eval(), (x,), file, dynamic_axes=axes, opset_version=17, **common
    )
    return onnx.load_from_string(file.getvalue())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [True, False], ids=["dynamo", "torchscript"])
@pytest.mark.parametrize("build", [build_bert, build_vit, build_resnet])
def test_exports_are_proven_and_give_the_same_outputs(build, dynamo):
    import torch

    torch.manual_seed(0)
    model, kind = build()
    session, graph = describe(export(model, kind, dynamo=dynamo))
    assert find_refusal(graph) is None
    rng = np.random.default_rng(0)
    ids = kind == "ids"
    x = rng.integers(0, 50, (5, 8)) if ids else rng.standard_normal((5, 3, 32, 32), np.float32)
    (whole,) = session.run(None, {"x": x})
    for size in (1, 2):
        (parts,) = run_passes(session, {"x": x}, ["x"], size)
        np.testing.assert_allclose(parts, whole, rtol=1e-3, atol=1e-5)
