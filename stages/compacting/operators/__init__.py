"""Rules of compaction, one module per family of operators."""
