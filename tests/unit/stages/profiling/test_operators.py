"""Requirements of a graph on its runtime: the values equal those of the onnx library."""

from collections import Counter

import onnx
import pytest
from onnx import parser

from prunepack.errors import RefusedError, UsageError
from prunepack.stages.metrics.metric import Metric
from prunepack.stages.profiling.operators import count_refused, graph_metrics, graph_metrics_of

MODEL = """
<ir_version: 8, opset_import: ["" : 18, "com.microsoft" : 1, "ai.onnx.ml" : 3, "local" : 1]>
g (float[N] x, bool c) => (float[N] y) {
    a = local.Negated (x)
    b = com.microsoft.Gelu (a)
    n = ai.onnx.ml.Normalizer (b)
    y = If (c) <
        then_branch = t () => (float[N] z) { z = Relu (n) },
        else_branch = e () => (float[N] z) { z = Relu (n) }
    >
}
<domain: "local", opset_import: ["" : 18, "mine" : 1]>
Negated (x) => (y) { i = Neg (x) y = mine.Secret (i) }
"""


def facts(text):
    model = parser.parse_model(text).SerializeToString()
    return {name: one.value for name, one in graph_metrics_of(model).items()}


def test_nodes_of_subgraphs_and_functions_count():
    assert facts(MODEL) == {
        "graph.opset": 18,
        "graph.nodes": 7,
        "graph.operator.If": 1,
        "graph.operator.Neg": 1,
        "graph.operator.Relu": 2,
        "graph.operator.ai.onnx.ml.Normalizer": 1,
        "graph.operator.com.microsoft.Gelu": 1,
        "graph.operator.mine.Secret": 1,
        "graph.domain.com.microsoft": 1,
        "graph.domain.mine": 1,
    }


def test_an_exported_model_as_the_onnx_library_reads_it(chain):
    model = onnx.load(chain.onnx.model)
    wanted = Counter(node.op_type for node in model.graph.node)
    found = graph_metrics(chain.onnx.model)
    assert found["graph.opset"].value == model.opset_import[0].version
    assert found["graph.nodes"].value == len(model.graph.node)
    assert {name: int(found[f"graph.operator.{name}"].value) for name in wanted} == wanted


def test_a_long_domain_is_a_domain():
    assert facts(MODEL.replace("mine", "m" * 1000))[f"graph.domain.{'m' * 1000}"] == 1


@pytest.mark.parametrize("version", ["", '"mine" : 1'])
def test_a_model_without_the_standard_operators(version):
    text = f"<ir_version: 8, opset_import: [{version}]>\ng (float[N] x) => (float[N] x) {{}}"
    assert facts(text) == {"graph.opset": 0, "graph.nodes": 0}


def test_what_is_no_model_is_refused(tmp_path, says):
    with says(RefusedError, "not an ONNX model: expected a graph, found 2 bytes without one"):
        graph_metrics_of(b"\x08\x08")
    with pytest.raises(RefusedError, match="not a protobuf message"):
        graph_metrics_of(b"\xff\xff\xff")
    with pytest.raises(UsageError, match="cannot open"):
        graph_metrics(tmp_path / "none.onnx")


GRAPH = {
    "graph.nodes": Metric(3),
    "graph.operator.Conv": Metric(2),
    "graph.operator.com.microsoft.Gelu": Metric(1),
    "graph.domain.com.microsoft": Metric(1),
}


@pytest.mark.parametrize(
    ("operators", "domains", "refused"),
    [
        ((), (), ((0, ""), (1, "com.microsoft"))),
        ((), ("com.*",), ((0, ""), (0, ""))),
        (("Conv",), ("com.microsoft",), ((1, "com.microsoft.Gelu"), (0, ""))),
        (("Conv", "com.microsoft.*"), (), ((0, ""), (1, "com.microsoft"))),
        (("conv",), (), ((2, "Conv, com.microsoft.Gelu"), (1, "com.microsoft"))),
    ],
)
def test_what_is_not_listed_is_refused(operators, domains, refused):
    found = count_refused(GRAPH, operators, domains)
    assert [(one.value, one.note) for one in found.values()] == [*refused, (0, "")]


DRAWS = {
    "RandomNormal": "y = RandomNormal <shape=[2], seed=1.0> ()",
    "RandomNormalLike": "y = RandomNormalLike (x)",
    "RandomUniform": "y = RandomUniform <shape=[2]> ()",
    "RandomUniformLike": "y = RandomUniformLike (x)",
    "Bernoulli": "y = Bernoulli (x)",
    "Multinomial": "z = Unsqueeze (x, axes) y = Multinomial <sample_size=2> (z)",
    "Dropout": "y = Dropout (x, ratio, yes)",
    "none": "y = Relu (x)",
    "dropout without a mode": "y = Dropout (x, ratio)",
    "dropout in evaluation": "y = Dropout (x, ratio, no)",
    "dropout by a constant node": "c = Constant <value = bool {0}> () y = Dropout (x, ratio, c)",
}


@pytest.mark.parametrize("name", DRAWS)
def test_operators_that_draw_random_numbers(name):
    text = (
        '<ir_version: 9, opset_import: ["" : 20]>\ng (float[N] x) => (float[N] y) '
        "<int64[1] axes = {0}, float ratio = {0.5}, bool yes = {1}, bool no = {0}> {"
        + DRAWS[name]
        + "}"
    )
    found = {key: one for key, one in facts(text).items() if key.startswith("graph.random")}
    assert found == ({f"graph.random_operator.{name}": 1} if name[0].isupper() else {})


def test_random_operators_that_are_not_allowed():
    drawn = GRAPH | {"graph.random_operator.Bernoulli": Metric(2)}
    for allowed, refused in (((), "Bernoulli"), (("Random*",), "Bernoulli"), (("B*",), "")):
        found = count_refused(drawn, (), (), allowed)["graph.refused_random_operators"]
        assert (found.value, found.unit, found.note) == (bool(refused), "operators", refused)


def test_without_a_graph_nothing_is_said_of_it():
    assert count_refused({"size.ratio": Metric(1)}, (), ()) == {}
