"""``report.schema.json``, generated from the report's models.

Run ``python -m prunepack.stages.reporting.schema`` to write it, with ``--check`` to compare it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from prunepack.stages.metrics.files import FORMAT
from prunepack.stages.reporting.report import Report

__all__ = ["SCHEMA_FILE", "main", "make_schema"]

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")


def make_schema() -> str:
    """Return the JSON schema of a report, as text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:prunepack:report:{FORMAT}",
        **Report.model_json_schema(mode="serialization"),
        "title": f"report.json of prunepack, format {FORMAT}",
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the schema, or return 1 if ``--check`` is given and it is stale."""
    text = make_schema()
    if arguments != ["--check"]:
        SCHEMA_FILE.write_text(text, encoding="utf-8")
        return 0
    if SCHEMA_FILE.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(
        f"error: '{SCHEMA_FILE.name}' does not follow from the report's models\n"
        "hint: Run `python -m prunepack.stages.reporting.schema`\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
