"""From rows to a stored version: read, check, split, fit, calibrate, evaluate, gate, store. Writes versions."""
