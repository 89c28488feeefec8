"""``python -m prunepack``: the command line."""

from prunepack.pipeline.cli import main

if __name__ == "__main__":
    main()
