"""Field numbers of ``onnx.proto`` (ONNX IR, versions 3 to 13), as far as this project reads it.

Each class is one message of the file, named as there, without ``Proto``.
"""

from __future__ import annotations

__all__ = [
    "Attribute",
    "Function",
    "Graph",
    "Model",
    "Node",
    "OperatorSetId",
    "SparseTensor",
    "StringStringEntry",
    "Tensor",
    "TrainingInfo",
    "ValueInfo",
]


class Model:
    """``ModelProto``."""

    GRAPH = 7
    OPSET_IMPORT = 8
    TRAINING_INFO = 20
    FUNCTIONS = 25


class OperatorSetId:
    """``OperatorSetIdProto``."""

    DOMAIN = 1
    VERSION = 2


class TrainingInfo:
    """``TrainingInfoProto``."""

    INITIALIZATION = 1
    ALGORITHM = 2


class Function:
    """``FunctionProto``."""

    NAME = 1
    INPUT = 4
    NODE = 7
    DOMAIN = 10
    ATTRIBUTE_PROTO = 11


class Graph:
    """``GraphProto``."""

    NODE = 1
    INITIALIZER = 5
    INPUT = 11
    OUTPUT = 12
    SPARSE_INITIALIZER = 15


class ValueInfo:
    """``ValueInfoProto``."""

    NAME = 1


class Node:
    """``NodeProto``."""

    INPUT = 1
    OUTPUT = 2
    NAME = 3
    OP_TYPE = 4
    ATTRIBUTE = 5
    DOMAIN = 7


class Attribute:
    """``AttributeProto``."""

    NAME = 1
    T = 5
    G = 6
    TENSORS = 10
    GRAPHS = 11
    SPARSE_TENSOR = 22
    SPARSE_TENSORS = 23


class SparseTensor:
    """``SparseTensorProto``."""

    VALUES = 1
    INDICES = 2


class Tensor:
    """``TensorProto``, with the one value of its enum ``DataLocation`` that matters here."""

    DIMS = 1
    DATA_TYPE = 2
    FLOAT_DATA = 4
    INT32_DATA = 5
    INT64_DATA = 7
    NAME = 8
    RAW_DATA = 9
    DOUBLE_DATA = 10
    UINT64_DATA = 11
    EXTERNAL_DATA = 13
    DATA_LOCATION = 14

    EXTERNAL = 1


class StringStringEntry:
    """``StringStringEntryProto``."""

    KEY = 1
    VALUE = 2
