"""Built-in checks of the sessions of verify and measure."""

from __future__ import annotations

__all__ = ["ROWS"]

ROWS = (
    (
        "runtime.inconsistent_values <= 0",
        "output values that change when one session runs again on the same input",
        "Two new sessions draw the same random numbers, and hide that a model is random.",
        "Remove randomness from forward(), or skip this metric for a model that must be random",
    ),
    (
        "runtime.provider_mismatches <= 0",
        "sessions of verify that did not get the requested execution provider",
        "onnxruntime falls back to the CPU without an error.",
        "Install the driver of the requested provider, or choose provider cpu",
    ),
    (
        "runtime.nodes_elsewhere <= 0",
        "nodes that ran on another execution provider than the requested one",
        "A model that runs partly elsewhere was not tested as it is deployed.",
        "Choose provider cpu, or replace the operators that the provider does not have",
    ),
    (
        "latency.provider_mismatches <= 0",
        "sessions of measure that did not get the requested execution provider",
        "A time on another provider says nothing about the requested one.",
        "Install the driver of the requested provider, or choose provider cpu",
    ),
)
