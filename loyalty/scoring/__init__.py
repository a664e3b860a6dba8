"""Forecasts as numbers: arrays in, arrays out. Nothing here knows the database, the clock or who is asked about."""

# Raised whenever the same orders would give other numbers; kept with each version of the model.
CODE_VERSION = "1"
