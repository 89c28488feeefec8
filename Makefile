PYTHON ?= python3.11
BIN := .venv/bin
