"""Model card of a release: a README.md with front matter, as model hubs read it."""
