"""Attributes, operators and constants of nodes in a form that can be compared."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from prunepack.stages.graph_diff.graph import read_constant

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import AttributeProto, NodeProto
    from onnx.defs import OpSchema

    from prunepack.stages.contract.arrays import Array

__all__ = ["digest_array", "digest_value", "join", "list_attributes", "name_operator"]


def join(*parts: str) -> str:
    """Return one digest of several texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def digest_array(array: Array) -> str:
    """Return the digest of an array: its dtype, its shape and its bytes."""
    if array.dtype.kind == "O":
        return join("text", str(array.shape), *map(repr, array.ravel().tolist()))
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return join(str(array.dtype), str(array.shape), hashlib.sha256(data.data).hexdigest())


def digest_value(attribute: AttributeProto, folder: Path) -> str:
    """Return the digest of the value of an attribute that is not a graph."""
    from onnx import helper

    if attribute.HasField("t"):
        return digest_array(read_constant(attribute.t, folder))
    return repr(helper.get_attribute_value(attribute))


def name_operator(node: NodeProto, version: int) -> str:
    """Return the operator of a node, with the opset that last changed it."""
    schema = _find_schema(node, version)
    since = schema.since_version if schema else version
    return f"{node.domain} {node.op_type} {since}"


def list_attributes(node: NodeProto, version: int) -> list[AttributeProto]:
    """Return the attributes whose values are not the operator's defaults, by name."""
    schema = _find_schema(node, version)
    defaults = schema.attributes if schema else {}
    return sorted(
        (
            attribute
            for attribute in node.attribute
            if attribute.name not in defaults
            or not _is_equal(attribute, defaults[attribute.name].default_value)
        ),
        key=lambda attribute: attribute.name,
    )


def _is_equal(attribute: AttributeProto, default: AttributeProto) -> bool:
    from onnx import helper

    if default.type != attribute.type:  # an attribute without a default has no type
        return False
    return bool(helper.get_attribute_value(attribute) == helper.get_attribute_value(default))


def _find_schema(node: NodeProto, version: int) -> OpSchema | None:
    from onnx import defs

    try:
        return defs.get_schema(node.op_type, version, node.domain)
    except defs.SchemaError:
        return None
