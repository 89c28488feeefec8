"""Views: results as tables for people, and as JSON values for programs."""
