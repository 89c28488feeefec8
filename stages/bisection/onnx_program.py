"""ONNX model that computes any of its intermediate tensors.

A sub-model is cut out: the nodes that the wanted tensors need, with these tensors as outputs.
onnxruntime runs it without graph optimisations, which would fuse the tensors away.

``onnx_ir.convenience.extract`` is not used for the cut, since onnx-ir 1.1 drops sparse initializers
when it reads a model, so that such a model could not be run. It also takes 2 to 8 times as long per
sub-model (18 ms instead of 8 ms in a graph of 600 nodes, after 11 ms for reading the graph), and
leaves an input that it cuts without the type that onnxruntime needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunepack.errors import RefusedError
from prunepack.runtime.ort_errors import collect_ort_errors
from prunepack.stages.bisection.module_names import find_module
from prunepack.stages.graph_diff.graph import NodeGraph, read_constant
from prunepack.stages.runtime.session_options import EXTERNAL_FOLDER, make_session_options

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import onnxruntime
    from onnx import ModelProto, ValueInfoProto

    from prunepack.stages.contract.arrays import Array, ArrayMapping, Arrays
    from prunepack.stages.graph_diff.graph import Node


__all__ = ["OnnxProgram"]


class OnnxProgram:
    """An ONNX model, run by onnxruntime on the CPU with one thread and no graph optimisations.

    Args:
        model: The model.
        folder: The folder of its external data.
        label: Its name in messages.
    """

    def __init__(self, model: ModelProto, folder: Path, label: str) -> None:
        self.graph, self.folder, self.label, self.runs = NodeGraph(model), folder, label, 0
        self.exported = self

    @classmethod
    def open(cls, model: Path, label: str) -> OnnxProgram:
        """Open an ONNX file.

        Raises:
            RefusedError: If it cannot be read, or has no outputs.
        """
        import onnx
        from google.protobuf.message import DecodeError

        try:
            proto = onnx.load_model_from_string(model.read_bytes())
        except (DecodeError, OSError) as error:
            raise RefusedError(
                f"`{label}` cannot be read", expected="an ONNX model", found=str(error)
            ) from None
        if not proto.graph.output:
            raise RefusedError(f"`{label}` has no outputs", expected="an ONNX model with outputs")
        return cls(proto, model.parent, label)

    def load_model(self) -> ModelProto:
        """Return a copy of the model that holds its external data."""
        import onnx
        from onnx.external_data_helper import load_external_data_for_model

        model = onnx.ModelProto()
        model.CopyFrom(self.graph.model)
        load_external_data_for_model(model, str(self.folder))
        return model

    def can_compute(self, name: str) -> bool:
        """Return whether a node of the graph makes the tensor ``name``."""
        return name in self.graph.producer

    def compute(self, names: Collection[str], inputs: ArrayMapping) -> Arrays:
        """Return the tensors ``names``, computed from ``inputs`` in one run.

        Args:
            names: Tensors of the graph; inputs and constants may be among them.
            inputs: Values by name, of the model's inputs and of any intermediate tensors; the
                nodes before the latter do not run.

        Raises:
            RefusedError: If onnxruntime cannot run the nodes on these values.
        """
        values = {name: inputs[name] for name in names if name in inputs}
        constants = self.graph.constants
        values |= {n: read_constant(constants[n], self.folder) for n in names if n in constants}
        wanted = [name for name in names if name not in values]
        return values | self._run(wanted, inputs) if wanted else values

    def _run(self, wanted: list[str], inputs: ArrayMapping) -> Arrays:
        import onnxruntime

        self.runs += 1
        model, read = self._cut_model(wanted, inputs)
        feed = {name: inputs[name] for name in read}
        try:
            session = onnxruntime.InferenceSession(
                model, _make_options(self.folder), providers=["CPUExecutionProvider"]
            )
            values = session.run(wanted, feed)
        except collect_ort_errors(onnxruntime) as error:
            raise RefusedError(
                f"onnxruntime cannot run `{self.label}`", found=str(error).strip().splitlines()[0]
            ) from None
        return dict(zip(wanted, values, strict=True))

    def _cut_model(self, wanted: list[str], inputs: ArrayMapping) -> tuple[bytes, set[str]]:
        """Return a model of the nodes that make ``wanted``, and the inputs that it reads."""
        from onnx import ValueInfoProto

        regions = [self.graph.find_region(name, inputs) for name in wanted]
        nodes = {node.index: node for region, _ in regions for node in region}
        read = {name for _, outside in regions for name in outside}
        if missing := sorted(read - inputs.keys()):
            raise RefusedError(
                f"`{self.label}` needs more inputs",
                expected="a value for each input that it reads",
                found=f"no value for {', '.join(missing)}",
            )
        model = self._copy_nodes([nodes[index] for index in sorted(nodes)])
        model.graph.input.extend(_describe_value(name, inputs[name]) for name in sorted(read))
        model.graph.output.extend(ValueInfoProto(name=name) for name in wanted)
        return model.SerializeToString(), read

    def _copy_nodes(self, nodes: list[Node]) -> ModelProto:
        """Return a model of ``nodes``, with the constants that they read."""
        import onnx

        whole = self.graph.model
        model = onnx.ModelProto(ir_version=whole.ir_version, functions=whole.functions)
        model.opset_import.extend(whole.opset_import)
        model.graph.name = "cut"
        source, target = whole.graph, model.graph
        used = {name for node in nodes for name in node.uses}
        constants = [proto for name, proto in self.graph.constant_nodes.items() if name in used]
        target.node.extend([*constants, *(node.proto for node in nodes)])
        target.initializer.extend(t for t in source.initializer if t.name in used)
        target.sparse_initializer.extend(
            t for t in source.sparse_initializer if t.values.name in used
        )
        return model

    def find_modules(self, tensor: str, boundary: Collection[str]) -> str:
        """Return the modules of the nodes that made ``tensor``, by the names in the file."""
        nodes, _ = self.graph.find_region(tensor, boundary)
        return ", ".join(dict.fromkeys(filter(None, (find_module(self.graph, n) for n in nodes))))


def _describe_value(name: str, value: Array) -> ValueInfoProto:
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, value.shape)


def _make_options(folder: Path) -> onnxruntime.SessionOptions:
    options = make_session_options(optimization="ORT_DISABLE_ALL")
    options.add_session_config_entry(EXTERNAL_FOLDER, str(folder))
    return options
