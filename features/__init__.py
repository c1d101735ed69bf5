"""Features of entities: views in SQL, the reader that runs them for any moment, the cache, events in."""
