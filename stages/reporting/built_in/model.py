"""Built-in checks of the torch model: modes of its layers, repeatability."""

from __future__ import annotations

from prunepack.stages.reporting.built_in.sentences import DEAD

__all__ = ["ROWS"]

ROWS = (
    (
        "torch.constant_outputs <= 0",
        "outputs that are the same for every input, if all outputs are",
        "A model that gives one answer to everything is dead, whatever its accuracy is.",
        DEAD,
    ),
    (
        "torch.training_layers <= 0",
        "layers that stay in training mode after eval()",
        "Dropout and BatchNorm compute other values in training mode.",
        "Let eval() reach these layers: register them as submodules, and do not override train()",
    ),
    (
        "torch.inconsistent_values <= 0",
        "output values that change when the torch model is run again on the same input",
        "A model that is not deterministic cannot be compared.",
        "Remove randomness from the forward pass, such as dropout without its training flag",
    ),
)
