"""The forms of a model: one run each, providers, layers that are still in training."""

import numpy as np
from torch import nn

from prunepack.stages.comparison.consistency import count_training_layers
from prunepack.stages.comparison.forms import FORMS, PRUNED_FORMS, ModelForms
from prunepack.stages.data.samples import random_inputs


def test_each_form_answers_by_the_names_of_the_onnx(chain):
    forms = ModelForms.open("cpu", chain.dense, chain.final, chain.onnx, chain.artifact)
    outputs = forms.run(random_inputs(forms.spec.inputs, 2, 0), FORMS)
    assert tuple(outputs) == FORMS == ("dense", *PRUNED_FORMS)
    assert [list(arrays) for arrays in outputs.values()] == [["output"]] * 4
    np.testing.assert_array_equal(outputs["onnx"]["output"], outputs["artifact"]["output"])
    assert not np.allclose(outputs["dense"]["output"], outputs["pruned"]["output"])
    wrong = forms.provider_metrics()["runtime.provider_mismatches"]
    assert (wrong.value, wrong.note) == (0, "CPUExecutionProvider; got CPUExecutionProvider")


def test_layers_in_training_are_counted_by_name():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout()).eval()
    assert count_training_layers(model)["torch.training_layers"].value == 0
    model[1].train()
    found = count_training_layers(model, model)["torch.training_layers"]
    assert (found.value, found.note) == (2, "1, 1")
