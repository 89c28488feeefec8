"""Factory that calls sys.exit"""

import sys

from tests.zoo.expectations import Refusal

GROUP = "architecture"
FAST = False
PLAIN_TORCH = False
RECIPE = """
[load]
model = "{here}:build"
inputs = [{ name = "x", shape = [8] }]

[prune]
amount = 0.5
"""


def build():
    sys.exit("no GPU found")


REFUSED = Refusal(
    what="`{here}:build()` failed",
    hint="Correct the factory; -v shows the line",
    found="SystemExit: no GPU found",
    code=2,
)
