"""Pictures of a report: pure functions from its data to marks, and to the table behind them."""
