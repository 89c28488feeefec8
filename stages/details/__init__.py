"""Details of a release that pages show and no limit uses: its layers, rounds, date and versions."""
