"""Proofs of small graphs through onnxruntime, and whole batches beside passes of few samples."""

import numpy as np
import onnx
import onnxruntime

from prunepack.sparse.native import native
from prunepack.sparse.options import add_sparse_provider, read_session_number
from prunepack.sparse.passes.description import read_description
from prunepack.sparse.passes.proof import NotProvenError, find_batch_names, prove_independence


def describe(model):
    """Return a session of a model, and its graph as the provider describes it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    add_sparse_provider(onnxruntime, options, "all", describes=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session, read_description(native.take_graph(read_session_number(options)))


def find_refusal(graph):
    """Return why no batch is proven; None if one is."""
    problem = "no input has a batch"
    for batch in find_batch_names(graph):
        try:
            prove_independence(graph, batch)
        except NotProvenError as error:
            problem = str(error)
        else:
            return None
    return problem


def parse(body, inputs="float[batch, 6] x", output="float[batch, M] y", opset=20):
    """Return a model of the text form of onnx."""
    head = f'<ir_version: 9, opset_import: ["": {opset}, "com.microsoft": 1]>'
    return onnx.parser.parse_model(f"{head} g ({inputs}) => ({output}) {{ {body} }}")


def run_passes(session, feed, batched, size):
    """Return the outputs for passes of this many samples."""
    count = len(feed[batched[0]])
    parts = [
        session.run(None, {**feed, **{name: feed[name][start : start + size] for name in batched}})
        for start in range(0, count, size)
    ]
    return [np.concatenate(items) for items in zip(*parts, strict=True)]
