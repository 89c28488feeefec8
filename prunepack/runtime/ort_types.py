"""Types of onnxruntime, which has no annotations of its own, as far as this project uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from prunepack.arguments import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from prunepack.coding.dtypes import Array

    Provider = str | tuple[str, Mapping[str, Any]]

__all__ = [
    "SESSION_OPTIONS",
    "ArtifactSession",
    "NodeArg",
    "OrtModule",
    "OrtValue",
    "PassesSession",
    "Session",
    "SessionOptions",
]


class NodeArg(Protocol):
    """An ``onnxruntime.NodeArg``: an input or an output of a model."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def shape(self) -> Sequence[int | str | None]:
        """Its dimensions; a dynamic axis is a name or None."""

    @property
    def type(self) -> str:
        """Its ONNX type, such as ``tensor(float)``."""


class Session(Protocol):
    """An ``onnxruntime.InferenceSession``, with its methods that users call most."""

    def run(
        self,
        output_names: Sequence[str] | None,
        input_feed: Mapping[str, Any],
        run_options: Any = None,
    ) -> list[Any]:
        """Return the outputs for these inputs."""

    def get_inputs(self) -> Sequence[NodeArg]:
        """Return the inputs of the model."""

    def get_outputs(self) -> Sequence[NodeArg]:
        """Return the outputs of the model."""

    def get_providers(self) -> list[str]:
        """Return the execution providers in use."""

    def get_provider_options(self) -> Mapping[str, Mapping[str, str]]:
        """Return the options of the execution providers."""

    def get_modelmeta(self) -> Any:
        """Return the metadata of the model."""

    def get_session_options(self) -> SessionOptions:
        """Return a copy of the options of the session."""

    def io_binding(self) -> Any:
        """Return an ``IOBinding``."""

    def run_with_iobinding(self, iobinding: Any, run_options: Any = None) -> None:
        """Run on the bound inputs and outputs."""

    def end_profiling(self) -> str:
        """Stop profiling, and return the path of its file."""


class ArtifactSession(Session, Protocol):
    """A session on the model in an artifact, with the attributes that ``open_session`` sets."""

    shared_weights: Mapping[str, OrtValue]
    set_providers: Callable[..., None]


class PassesSession(Session, Protocol):
    """A session of ``open_session`` with ``sparse``."""

    samples_per_pass: int | None


class SessionOptions(Protocol):
    """An ``onnxruntime.SessionOptions``."""

    graph_optimization_level: Any
    intra_op_num_threads: int
    log_severity_level: int

    def get_session_config_entry(self, key: str, /) -> str:
        """Return the value of an option."""

    def has_providers(self) -> bool:
        """Return whether the options have execution providers."""

    def add_provider_for_devices(self, devices: Sequence[Any], options: Any, /) -> None:
        """Add the execution provider of these devices."""

    def add_session_config_entry(self, key: str, value: str, /) -> None:
        """Set an option."""

    def add_initializer(self, name: str, value: OrtValue, /) -> None:
        """Share the memory of a weight with the session."""

    def add_external_initializers(self, names: list[str], values: list[OrtValue], /) -> None:
        """Give weights that the session copies."""

    def add_external_initializers_from_files_in_memory(
        self, names: list[str], files: list[bytes], sizes: list[int], /
    ) -> None:
        """Give the content of external files."""


class OrtValue(Protocol):
    """An ``onnxruntime.OrtValue``."""

    def numpy(self) -> Array:
        """Return the elements as an array."""


SESSION_OPTIONS = Kind(
    "an onnxruntime.SessionOptions",
    lambda value: hasattr(value, "add_session_config_entry"),
    "Pass an onnxruntime.SessionOptions(), or leave the argument out",
)
"""Options of a session as an argument of a call."""

_Options = SessionOptions


class OrtModule(Protocol):
    """The module ``onnxruntime``."""

    capi: ModuleType
    __version__: str

    @property
    def GraphOptimizationLevel(self) -> Any:  # noqa: N802 -- onnxruntime's own name
        """Levels of optimisation."""

    @property
    def OrtValue(self) -> Any:  # noqa: N802 -- onnxruntime's own name
        """Class of values."""

    def SessionOptions(self) -> _Options:  # noqa: N802 -- onnxruntime's own name
        """Return new options."""

    def InferenceSession(  # noqa: N802 -- onnxruntime's own name
        self,
        path_or_bytes: str | bytes,
        sess_options: _Options | None = None,
        providers: Sequence[Provider] | None = None,
        *,
        enable_fallback: int = 1,
    ) -> Session:
        """Start a session."""

    def get_available_providers(self) -> list[str]:
        """Return the execution providers of this build."""

    def get_ep_devices(self) -> Sequence[Any]:
        """Return the devices of all registered execution providers."""

    def register_execution_provider_library(self, name: str, path: str, /) -> None:
        """Load an execution provider."""
