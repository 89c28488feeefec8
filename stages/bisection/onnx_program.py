"""An ONNX model that gives any of its intermediate tensors.

It is cut down to the nodes that the wanted tensors need, the tensors become outputs, and
onnxruntime runs it without graph optimisations, which would fuse the tensors away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from prunepack.errors import RefusedError
from prunepack.stages.bisection.graph import NodeGraph
from prunepack.stages.bisection.module_names import module_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import numpy.typing as npt

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["OnnxProgram"]

EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"


class OnnxProgram:
    """An ONNX model, run by onnxruntime on the CPU, one thread, no graph optimisations.

    Args:
        model: A ``ModelProto``.
        folder: Where its external data lies.
        label: What to call it.
    """

    def __init__(self, model: Any, folder: Path, label: str) -> None:
        self.graph, self.folder, self.label, self.runs = NodeGraph(model), folder, label, 0
        self.exported = self

    @classmethod
    def open(cls, model: Path, label: str) -> OnnxProgram:
        """Open an ONNX file.

        Raises:
            RefusedError: If it cannot be read.
        """
        import onnx
        from google.protobuf.message import DecodeError

        try:
            proto = onnx.load_model_from_string(model.read_bytes())
        except (DecodeError, OSError) as error:
            raise RefusedError(
                f"{label} cannot be read", expected="an ONNX model", found=str(error)
            ) from None
        if not proto.graph.output:
            raise RefusedError(f"{label} computes nothing", expected="an ONNX model with outputs")
        return cls(proto, model.parent, label)

    def has(self, name: str) -> bool:
        """Say whether the graph has a tensor called ``name``."""
        return name in self.graph.producer

    def values(self, names: Collection[str], inputs: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        """Return the tensors called ``names``, computed from ``inputs``, in one run.

        Args:
            names: Tensors of the graph; inputs and constants may be among them.
            inputs: Values by name, of the model's inputs and of any tensors in between; the nodes
                before these do not run.

        Raises:
            RefusedError: If onnxruntime cannot run the nodes on these values.
        """
        found = {name: inputs[name] for name in names if name in inputs}
        found |= {name: self._constant(name) for name in names if name in self.graph.constants}
        wanted = [name for name in names if name not in found]
        if wanted:
            found |= self._run(wanted, inputs)
        return found

    def _constant(self, name: str) -> npt.NDArray[Any]:
        from onnx import numpy_helper

        value = self.graph.constants[name]
        array: npt.NDArray[Any] = numpy_helper.to_array(value, str(self.folder))
        return array

    def _run(self, wanted: list[str], inputs: Mapping[str, npt.NDArray[Any]]) -> Arrays:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        self.runs += 1
        model, read = self._part(wanted, inputs)
        given = {name: inputs[name] for name in read}
        own = filter(_is_error, vars(state).values())
        errors: tuple[type[Exception], ...] = (*own, RuntimeError, ValueError)
        try:
            session = onnxruntime.InferenceSession(
                model, _options(self.folder), providers=["CPUExecutionProvider"]
            )
            values = session.run(wanted, given)
        except errors as error:
            raise RefusedError(
                f"onnxruntime cannot run {self.label}", found=str(error).strip().splitlines()[0]
            ) from None
        return dict(zip(wanted, values, strict=True))

    def _part(
        self, wanted: list[str], inputs: Mapping[str, npt.NDArray[Any]]
    ) -> tuple[bytes, set[str]]:
        """Return a model of the nodes that make ``wanted``, and the inputs that it has."""
        import onnx

        whole, graph = self.graph.model, self.graph
        regions = [graph.region(name, inputs) for name in wanted]
        nodes = {node.index: node.proto for part, _ in regions for node in part}
        read = {name for _, outside in regions for name in outside}
        if missing := sorted(read - inputs.keys()):
            raise RefusedError(f"{self.label} needs more inputs", found=", ".join(missing))
        used = {name for index in nodes for name in graph.nodes[index].uses}
        constants = [one for name, one in graph.constant_nodes.items() if name in used]
        part = onnx.ModelProto(ir_version=whole.ir_version, functions=whole.functions)
        part.opset_import.extend(whole.opset_import)
        part.graph.name = "part"
        part.graph.node.extend([*constants, *(nodes[index] for index in sorted(nodes))])
        part.graph.initializer.extend(t for t in whole.graph.initializer if t.name in used)
        part.graph.sparse_initializer.extend(
            t for t in whole.graph.sparse_initializer if t.values.name in used
        )
        part.graph.input.extend(_value_info(name, inputs[name]) for name in sorted(read))
        part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
        return part.SerializeToString(), read

    def module(self, tensor: str, boundary: Collection[str]) -> str:
        """Return the modules of the nodes that made ``tensor``, as names in the file tell."""
        nodes, _ = self.graph.region(tensor, boundary)
        return ", ".join(dict.fromkeys(filter(None, (module_of(self.graph, n) for n in nodes))))


def _is_error(value: Any) -> TypeGuard[type[Exception]]:
    return isinstance(value, type) and issubclass(value, Exception)


def _value_info(name: str, value: npt.NDArray[Any]) -> Any:
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, value.shape)


def _options(folder: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry(EXTERNAL_FOLDER, str(folder))
    return options
