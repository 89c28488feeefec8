"""Pruning: masks, rules, schedules, methods."""
