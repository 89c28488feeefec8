"""The contract of a stage: outputs, configs, user code, progress."""
