"""ONNX models made by hand, with tensors wherever there may be one."""

import numpy as np
import onnx
from onnx import helper, numpy_helper


def graph(*initializers, nodes=(), name="g"):
    return helper.make_graph(list(nodes), name, [], [], list(initializers))


def tensor(name):
    return numpy_helper.from_array(np.arange(20.0), name)


def everywhere():
    """A model with a tensor in every place that may hold one."""
    sparse = onnx.SparseTensorProto(values=tensor("values"), indices=tensor("indices"))
    inner = graph(tensor("inner initializer"), name="inner")
    attributes = [
        onnx.AttributeProto(name="t", t=tensor("attribute")),
        onnx.AttributeProto(name="ts", tensors=[tensor("list 1"), tensor("list 2")]),
        onnx.AttributeProto(name="g", g=inner),
        onnx.AttributeProto(name="gs", graphs=[inner]),
        onnx.AttributeProto(name="s", sparse_tensor=sparse),
        onnx.AttributeProto(name="ss", sparse_tensors=[sparse]),
    ]
    node = onnx.NodeProto(name="n", op_type="Op", attribute=attributes)
    main = graph(tensor("main"), nodes=[node])
    main.sparse_initializer.append(sparse)
    function = onnx.FunctionProto(name="f", node=[node], attribute_proto=attributes[:1])
    training = onnx.TrainingInfoProto(initialization=inner, algorithm=inner)
    model = helper.make_model(main)
    model.functions.append(function)
    model.training_info.append(training)
    return model
