"""Keys of results: a SHA-256 over everything that can change the bytes of a result."""

from __future__ import annotations

import hashlib
import platform
import sys
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_jsonable_python

from prunepack.errors import UsageError
from prunepack.format import canonical_json
from prunepack.pipeline.keys.closure_memory import recall_code_closure
from prunepack.pipeline.keys.digests import installed_version
from prunepack.pipeline.keys.user_files import hash_user_files
from prunepack.stages.runtime.host import host_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prunepack.stages.contract.outputs import Output
    from prunepack.stages.contract.stage import Config, Stage


__all__ = ["Material", "collect_material"]

ALTERNATIVES = {
    "onnxruntime": (
        "onnxruntime",
        "onnxruntime-gpu",
        "onnxruntime-directml",
        "onnxruntime-openvino",
        "onnxruntime-qnn",
    )
}
"""Distributions that install the same package."""


class Material(BaseModel):
    """Parts of a key, which can be compared in words.

    Attributes:
        stage: The stage's name.
        config: Its config.
        inputs: Digests of its inputs, by parameter.
        code: Digests of the first-party files that it can execute.
        user: Digests of the user's files that it can execute or read.
        tools: Versions of the distributions that can change its bytes.
        python: The minor version of Python.
        host: The machine, where the result holds for this machine only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    config: dict[str, Any]
    inputs: dict[str, str]
    code: dict[str, str]
    user: dict[str, str]
    tools: dict[str, str]
    python: str
    host: str

    @property
    def key(self) -> str:
        """The SHA-256 (hex) of all parts."""
        return hashlib.sha256(canonical_json.dumps(self.model_dump())).hexdigest()


def collect_material(
    stage: Stage[Any, Any, Any],
    config: Config,
    inputs: Mapping[str, Output],
    *,
    hash_data: bool = False,
) -> Material:
    """Return the parts of the key of ``stage`` on ``config`` and ``inputs``.

    Without ``hash_data``, large data is identified by its size and time.

    Raises:
        UsageError: If the user's code or file, or a tool, is not there.
    """
    return Material(
        stage=stage.name,
        config=to_jsonable_python(_order_sets(config.model_dump(serialize_as_any=True))),
        inputs={name: artifact.digest for name, artifact in inputs.items()},
        code=recall_code_closure(stage.body.__module__),
        user=hash_user_files(stage.name, config, inputs, hash_data=hash_data),
        tools={name: number for tool in stage.tools for name, number in _versions(tool, stage)},
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        host=_host() if stage.host_bound else "",
    )


def _order_sets(value: Any) -> Any:
    """Sort every set by the JSON of its elements, which does not depend on this process."""
    if isinstance(value, dict):
        return {key: _order_sets(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_order_sets(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(
            (to_jsonable_python(_order_sets(item)) for item in value), key=canonical_json.dumps
        )
    return value


def _versions(tool: str, stage: Stage[Any, Any, Any]) -> list[tuple[str, str]]:
    """Return (distribution, version) of each distribution that installs ``tool``."""
    names = ALTERNATIVES.get(tool, (tool,))
    found = [(name, number) for name in names if (number := installed_version(name))]
    if not found:
        raise UsageError(
            f"`{stage.name}` needs `{tool}`",
            expected=" or ".join(names),
            found="none of them installed" if len(names) > 1 else "it is not installed",
            hint="Run `pip install 'prunepack[build]'`",
        )
    return found


def _host() -> str:
    """Return the identity of this machine, which times depend on."""
    return f"{host_name()}, {platform.machine()}, {platform.system()}"
