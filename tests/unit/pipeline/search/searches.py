"""A recipe with a search, and an evaluator whose results are a function of the settings."""

from prunepack.pipeline.recipe import make_recipe
from prunepack.pipeline.search.objective import list_goals
from prunepack.pipeline.search.result import Result, Score
from prunepack.pipeline.search.storage import lock_queue, require_optuna
from prunepack.pipeline.search.study import open_study
from prunepack.pipeline.search.worker import Worker

SPACE = {
    "prune.amount": {"low": 0.5, "high": 0.99},
    "finetune.lr": {"low": 1e-4, "high": 1e-1, "log": True},
    "prune.schedule": ["one_shot", "cubic"],
}


def make(trials=12, **search):
    """Return a recipe that searches."""
    settings = {"space": SPACE, "trials": trials, "generation": 4, **search}
    return make_recipe("toy", "toy.toml", {"prune": {"amount": 0.9}, "search": settings})


def compute(number, settings):
    """Return the result of settings: a trade-off with an optimum in the learning rate."""
    amount, rate = settings["prune.amount"], settings["finetune.lr"]
    size = 1000 * (1.02 - amount)
    accuracy = 99 - 40 * max(amount - 0.9, 0) - abs(rate - 0.01) * 20
    return Result(
        state="finished",
        settings=settings,
        scores={
            "accuracy.artifact": Score(value=accuracy, unit="%"),
            "size.artifact": Score(value=size, unit="bytes"),
        },
        violation=max(0.0, 96 - accuracy),
        unmet=("accuracy",) if accuracy < 96 else (),
        curve=((amount, accuracy),),
        artifact=f"{number:064}",
    )


class Toy:
    """An evaluator without stages.

    Attributes:
        numbers: The trials that it ran, in order.
    """

    def __init__(self, before=lambda _: None):
        self.numbers, self._before = [], before

    def evaluate(self, number, settings, _curves):
        self._before(number)
        self.numbers.append(number)
        return compute(number, settings)


class Silent:
    """An observer that keeps the trials that others lost."""

    def __init__(self):
        self.lost = []

    def start_trial(self, number, settings):
        pass

    def end_trial(self, number, result):
        pass

    def lose_trial(self, number):
        self.lost.append(number)


def join(place, recipe, evaluator, *, creates=True, grace=60.0, observer=None, name=None):
    """Return a worker on the study in ``place``."""
    require_optuna()
    plan = recipe.plan.model_dump(mode="json")
    del plan["search"]["trials"]
    goals = list_goals(recipe.plan)
    study = open_study(str(place), "toy", plan, goals, creates=creates)
    names = {} if name is None else {"name": name}
    lock = lock_queue(str(place))
    return Worker(study, recipe, goals, evaluator, observer or Silent(), grace, lock, **names)


def summarize(board):
    """Return the results as JSON values, by number."""
    return {number: each.model_dump(mode="json") for number, each in sorted(board.results.items())}
