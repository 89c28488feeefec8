"""Options that all sessions of the stages have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import onnxruntime


__all__ = ["CPU", "CUDA", "EXTERNAL_FOLDER", "LOG_FATAL", "OPTIMIZATIONS", "make_session_options"]


CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

OPTIMIZATIONS = ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED")
"""onnxruntime's levels of graph optimization below the default, which is all."""


NO_CPU_FALLBACK = "session.disable_cpu_ep_fallback"
"""Session option: a node that only the CPU can run is an error, unless the CPU is requested."""


EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
"""Session option: the folder of the external data of a model that is not a file."""


LOG_FATAL = 4


def make_session_options(
    threads: int = 1,
    providers: Sequence[str] = (CPU,),
    profile: Path | None = None,
    optimization: str | None = None,
) -> onnxruntime.SessionOptions:
    """Return the options that all sessions of the stages have in common.

    Args:
        threads: Threads within a node.
        providers: Execution providers of the session. Without the CPU among them, a node that only
            the CPU can run is an error.
        profile: Path prefix of the profile's files; None writes no profile.
        optimization: One of ``OPTIMIZATIONS``; None means all graph optimizations.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = LOG_FATAL
    if CPU not in providers:
        options.add_session_config_entry(NO_CPU_FALLBACK, "1")
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    if optimization is not None:
        levels = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = getattr(levels, optimization)
    return options
