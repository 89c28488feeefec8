"""The packages to install: ``stages/`` is ``prunepack.stages``, ``pipeline/`` likewise."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["prunepack", "prunepack.*"]),
        *(
            f"prunepack.{name}"
            for name in find_packages(include=["stages", "stages.*", "pipeline", "pipeline.*"])
        ),
    ],
    package_dir={"prunepack.stages": "stages", "prunepack.pipeline": "pipeline"},
)
