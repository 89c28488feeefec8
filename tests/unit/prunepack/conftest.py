"""Artifacts made by hand are shared with the hostile tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "hostile"))
