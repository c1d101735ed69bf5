"""Predictions and outcomes: the spool, the shipper, the tables' readers, the feed of the live stream."""
