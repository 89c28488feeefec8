"""Model cards: front matter as the hub reads it, results, escapes."""

import re

import pytest
import yaml
from huggingface_hub import ModelCard

from prunepack.stages.metrics.metric import Metric
from prunepack.stages.reporting.card.card import CardFacts, to_card
from tests.unit.stages.reporting.page_reports import ALL, PASSED, make_details, make_page_report

FACTS = CardFacts(
    "net",
    {"method": "l1_unstructured", "amount": 0.9},
    "mnist",
    "apache-2.0",
    "me/net",
    "image-classification",
)


@pytest.mark.parametrize("report", ALL.values(), ids=ALL)
def test_sentences_are_apart(report):
    text = to_card(report, FACTS)
    if report.host:
        assert f". Times were measured on {report.host}." in text
    assert not re.search(r"[a-z]\.[A-Z][a-z]+ ", text.partition("## Files")[0])


@pytest.fixture
def report():
    return PASSED


def read(report, facts=FACTS):
    return ModelCard(to_card(report, facts))


def test_the_hub_reads_the_front_matter(report):
    card = read(report)
    data = card.data
    assert (data.license, data.base_model, data.library_name) == ("apache-2.0", "me/net", "onnx")
    assert data.pipeline_tag == "image-classification"
    assert data.datasets == ["mnist"]
    assert "pruning" in data.tags
    (result,) = data.eval_results
    assert (result.metric_type, result.dataset_type) == ("accuracy", "mnist")
    assert result.metric_value == round(report.metrics["accuracy.artifact"].value / 100, 6)


def test_unknown_facts_are_left_out(report):
    text = to_card(report, CardFacts("net", {}))
    front = yaml.safe_load(text.split("---\n")[1])
    assert set(front) == {"library_name", "tags"}
    assert "No dataset was named" in text
    assert read(report, FACTS._replace(task="")).data.eval_results is None


def test_results_limits_and_files(report):
    text = to_card(report, FACTS)
    assert "| `accuracy.drop` |" in text
    assert "| `method` | l1_unstructured |" in text
    for name, digest in report.digests.items():
        assert (digest in text) == (not name.startswith("dense/"))
    for layer in report.details.layers:
        assert (f"| `{layer.name}` |" in text) == bool(layer.zeros)


@pytest.mark.parametrize(
    "name", ["a | b", "<script>x</script>", "line\nbreak", "a --- b", 'quote " and \\ and ü', "yes"]
)
def test_texts_of_the_user_are_escaped(report, name):
    text = to_card(report, FACTS._replace(name=name, base_model=name, settings={"method": name}))
    assert "<script" not in text.partition("\n---\n")[2]
    card = ModelCard(text)
    assert card.data.base_model == name
    assert len([line for line in text.splitlines() if line.startswith("| `method`")]) == 1


def test_a_model_without_an_artifact(report):
    metrics = {k: v for k, v in report.metrics.items() if k != "size.artifact"}
    text = to_card(report.model_copy(update={"metrics": metrics}), FACTS)
    assert "open_session" not in text


def test_the_same_report_gives_the_same_card(report):
    assert to_card(report, FACTS) == to_card(report, FACTS)
    assert "\n\n\n" not in to_card(report, FACTS)


@pytest.mark.parametrize("report", ALL.values(), ids=ALL)
def test_every_report_has_a_card(report):
    assert read(report).data.library_name == "onnx"


def test_many_layers_are_cut(report):
    assert "10 further weights are pruned." in to_card(
        make_page_report(details=make_details(40)), FACTS
    )


def test_accuracy_of_an_onnx_file_alone(report):
    metrics = {"accuracy.onnx": Metric(50, "%")}
    (result,) = read(report.model_copy(update={"metrics": metrics})).data.eval_results
    assert result.metric_value == 0.5
