"""The built-in recipes; one TOML file each, whose first line says what it is."""
