"""A loaded version: compiled predictor, explainer and the micro-batching runner. No HTTP."""
