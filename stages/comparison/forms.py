"""Forms of one model: dense torch, pruned torch, ONNX, artifact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from prunepack.errors import RefusedError
from prunepack.stages.contract.model_spec import InputSpec, ModelSpec
from prunepack.stages.contract.outputs import Checkpoint, OnnxModel
from prunepack.stages.data.input_values import list_batch_axes
from prunepack.stages.data.samples import random_inputs
from prunepack.stages.graphs.index_bounds import find_graph_index_sizes
from prunepack.stages.graphs.nodes import read_model
from prunepack.stages.graphs.running import run_any_batch
from prunepack.stages.inputs.tensor_sizes import find_graph_sizing_inputs
from prunepack.stages.metrics.metric import Metric, Metrics
from prunepack.stages.models.checkpoints import check_dense, open_model
from prunepack.stages.models.index_bounds import find_index_sizes, find_sizing_inputs
from prunepack.stages.models.memory import limit_samples
from prunepack.stages.models.running import run_module
from prunepack.stages.runtime.providers import Provider, choose_providers, count_mismatches
from prunepack.stages.runtime.sessions import (
    Session,
    open_artifact_session,
    open_onnx_session,
    run_session,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from torch import nn

    from prunepack.stages.contract.arrays import Array, Arrays
    from prunepack.stages.contract.outputs import PackedArtifact

__all__ = ["FORMS", "PRUNED_FORMS", "Form", "FormOutputs", "ModelForms"]

Form = Literal["dense", "pruned", "onnx", "artifact"]

PRUNED_FORMS: tuple[Form, ...] = ("pruned", "onnx", "artifact")
"""The finalized torch model, its ONNX and its artifact."""

FORMS: tuple[Form, ...] = ("dense", *PRUNED_FORMS)
"""All forms; the dense one is the torch model before pruning."""

FormOutputs = dict[Form, "Arrays"]
"""The outputs of forms for the same inputs."""


@dataclass(frozen=True, slots=True)
class ModelForms:
    """The open forms of one model; those that are missing take no part.

    Attributes:
        spec: The model specification.
        outputs: The names of the outputs, in the order of the reference.
        paths: The path of each output in the result of a torch model.
        axes: The axes of each output: sizes and names.
        graphs: The ONNX files. The first one describes inputs and outputs; it is the dense one if
            that is ONNX.
        providers: The requested execution providers of the sessions.
        modules: The forms in torch: the model before pruning, and the finalized one from which the
            ONNX was exported.
        sessions: The forms in onnxruntime; the dense one is here where the source is ONNX.
    """

    spec: ModelSpec
    outputs: tuple[str, ...]
    paths: tuple[str, ...]
    axes: Mapping[str, Sequence[int | str | None]]
    graphs: tuple[Path, ...]
    providers: tuple[str, ...]
    modules: Mapping[Form, nn.Module]
    sessions: Mapping[Form, Session]

    @classmethod
    def open(
        cls,
        provider: Provider,
        dense: Checkpoint | OnnxModel | None,
        final: Checkpoint | None,
        onnx: OnnxModel | None,
        artifact: PackedArtifact | None,
    ) -> ModelForms:
        """Open all forms that are given; one of them at least is an ONNX model.

        Raises:
            UsageError: If the provider is not available.
            RefusedError: If a form cannot be opened.
        """
        opened = _open_modules(dense, final)
        graphs: dict[Form, OnnxModel | None] = {
            "dense": dense if isinstance(dense, OnnxModel) else None,
            "onnx": onnx,
        }
        files = {form: model for form, model in graphs.items() if model is not None}
        first = next(iter(files.values()))
        providers = choose_providers(provider, first.model)
        sessions = {
            form: open_onnx_session(model.model, providers) for form, model in files.items()
        }
        if artifact is not None:
            sessions["artifact"] = open_artifact_session(artifact.file, providers)
        _check_inputs({} if opened else sessions)
        return cls(
            spec=opened["pruned"][1] if "pruned" in opened else _make_spec(first),
            outputs=tuple(first.interface["outputs"]),
            paths=tuple(first.interface.get("paths", ())),
            axes=first.interface.get("axes", {}),
            graphs=tuple(model.model for model in files.values()),
            providers=tuple(providers),
            modules={form: module for form, (module, _) in opened.items()},
            sessions=sessions,
        )

    @property
    def graph(self) -> Path:
        """The ONNX file that describes inputs and outputs."""
        return self.graphs[0]

    @property
    def names(self) -> tuple[Form, ...]:
        """The forms that are open."""
        return tuple(form for form in FORMS if form in self.modules or form in self.sessions)

    @property
    def reference(self) -> Form:
        """The form that decides what a usable input is: torch where it is there."""
        return "pruned" if "pruned" in self.modules else self.names[0]

    @property
    def compared(self) -> tuple[Form, ...]:
        """The forms that run on every batch: without a dense one in torch, which labels need."""
        return tuple(form for form in self.names if form != "dense" or form in self.sessions)

    @property
    def last(self) -> Form:
        """The form to deploy: the artifact where it is there."""
        return self.names[-1]

    def run(self, inputs: Arrays, forms: Iterable[Form]) -> FormOutputs:
        """Return the outputs of several forms, as far as they are open."""
        return {form: self.run_form(form, inputs) for form in forms if form in self.names}

    def run_form(self, form: Form, inputs: Arrays) -> Arrays:
        """Return the outputs of one form.

        Raises:
            RefusedError: If the form cannot run on these inputs.
        """
        if form in self.modules:
            return run_module(self.modules[form], inputs, self.outputs, self.paths)
        return self.run_in(self.sessions[form], inputs)

    def run_in(self, session: Session, inputs: Arrays) -> Arrays:
        """Return the outputs of a session; it is refused as in :meth:`run_form`."""
        if self.modules:
            return run_session(session, inputs, self.batch_axes)
        return run_any_batch(session, inputs)

    @property
    def batch_axes(self) -> dict[str, int | None]:
        """The batch axis of each input; None for an input without one."""
        return list_batch_axes(self.spec.inputs)

    def has_batch_first(self, name: str, array: Array, count: int) -> bool:
        """Return whether the first axis of an output is the batch axis of ``count`` samples."""
        axis = next(iter(self.axes.get(name, ("batch",))), 0)
        return array.shape[:1] == (count,) and (axis == "batch" or not isinstance(axis, str))

    def bound_integers(self, seed: int) -> tuple[dict[str, int], frozenset[str]]:
        """Return the rows of the table that an integer input indexes, and those that set sizes."""
        if (module := self.modules.get("pruned")) is not None:  # torch knows them best
            rows = find_index_sizes(module, self.spec.inputs, seed)
            return rows, find_sizing_inputs(module, self.spec.inputs, seed, rows)
        graph = read_model(self.graph)
        rows = find_graph_index_sizes(graph)
        return rows, find_graph_sizing_inputs(graph, rows)

    def limit_batch(self, size: int, seed: int) -> int:
        """Return the number of samples per run: ``size``, or fewer if torch needs much memory."""
        module = self.modules.get(self.reference)
        if module is None:
            return size
        try:
            return limit_samples(module, random_inputs(self.spec.inputs, 1, seed), 1, size)
        except RefusedError:  # a model that one random sample does not suit is told by its run
            return size

    def provider_metrics(self) -> Metrics:
        """Return the number of sessions without the requested execution provider."""
        count, note = count_mismatches(self.providers, *self.sessions.values())
        return {"runtime.provider_mismatches": Metric(count, "sessions", note=note)}

    def form_metrics(self) -> Metrics:
        """Return for each form whether it is open: the gate asks for the comparisons of these."""
        return {f"forms.{form}": Metric(int(form in self.names)) for form in FORMS}


def _check_inputs(sessions: Mapping[Form, Session]) -> None:
    """Refuse files that do not take the same inputs.

    Raises:
        RefusedError: If the names of their inputs differ.
    """
    names = {
        form: sorted(i.name for i in session.get_inputs()) for form, session in sessions.items()
    }
    first, expected = next(iter(names.items()), ("dense", []))
    for form, found in names.items():
        if found != expected:
            raise RefusedError(
                "the two models take other inputs",
                expected=f"those of the {first} model: {', '.join(expected)}",
                found=f"{', '.join(found)} in the {form} model",
                hint="Give two files of the same network, with the same names of inputs",
            )


def _open_modules(
    dense: Checkpoint | OnnxModel | None, final: Checkpoint | None
) -> dict[Form, tuple[nn.Module, ModelSpec]]:
    """Open the forms that are torch models.

    Raises:
        RefusedError: If one cannot be opened, or if the dense model is not the one that was pruned.
    """
    given: dict[Form, Checkpoint | OnnxModel | None] = {"dense": dense, "pruned": final}
    opened = {
        form: open_model(source) for form, source in given.items() if isinstance(source, Checkpoint)
    }
    if "dense" in opened and "pruned" in opened:
        check_dense(opened["dense"][0], opened["pruned"][1])
    return opened


def _make_spec(model: OnnxModel) -> ModelSpec:
    """Return the specification of a model that exists as ONNX only."""
    interface = model.interface
    inputs = tuple(InputSpec.model_validate(spec) for spec in interface["inputs"])
    return ModelSpec(
        model="onnx",
        inputs=inputs,
        dataset=interface.get("dataset", ""),
        dataset_arguments=interface.get("dataset_arguments", {}),
    )
