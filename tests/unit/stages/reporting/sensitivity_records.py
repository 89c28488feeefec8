"""Records of sensitivity for pages and pictures."""

from prunepack.stages.details.sensitivity import (
    Curve,
    CurvePoint,
    LayerAmount,
    Outcome,
    Sensitivity,
    Suggestion,
)
from prunepack.stages.metrics.metric import Metric

AMOUNTS = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98)


def make_curve(name, method, steepness):
    points = [
        CurvePoint(
            amount=amount,
            value=99 - steepness * amount**6,
            drop=steepness * amount**6,
            low=steepness * amount**6 - 0.4,
            high=steepness * amount**6 + 0.4,
            error=amount,
        )
        for amount in AMOUNTS
    ]
    return Curve(layer=name, method=method, weights=1000, points=tuple(points))


def make_outcome(drop):
    metric = Metric(drop, "points", drop - 1, drop + 1)
    return Outcome(sparsity=0.9, bytes=20000, value=Metric(99 - drop, "%"), drop=metric)


def make_sensitivity(layers=5, methods=("l1_unstructured",), name="layer", drop=21.3):
    names = [f"{name}{index}" for index in range(layers)]
    amounts = tuple(LayerAmount(layer=each, amount=0.9) for each in names[1:])
    return Sensitivity(
        model="a" * 64,
        metric="accuracy",
        samples="5,000 samples of the validation split of mnist",
        dense=Metric(99.2, "%", 99, 99.4),
        curves=tuple(
            make_curve(each, method, 90 / (index + 1))
            for method in methods
            for index, each in enumerate(names)
        ),
        recipe=make_outcome(44.5),
        magnitude=make_outcome(44.5),
        suggestions=tuple(
            Suggestion(
                **make_outcome(drop + index).model_dump(),
                method=method,
                goal="sparsity=0.9",
                amounts=amounts,
            )
            for index, method in enumerate(methods)
        ),
    )
