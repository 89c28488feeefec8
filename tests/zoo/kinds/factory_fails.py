"""Factory that raises"""

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = True
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""

PLAIN_TORCH = False


def build():
    raise FileNotFoundError(2, "No such file or directory", "config.yaml")


REFUSED = Refusal(
    code=2,
    what="`{here}:build()` failed",
    found="FileNotFoundError: [Errno 2] No such file or directory: 'config.yaml'",
    hint="Correct the factory; -v shows the line",
)
