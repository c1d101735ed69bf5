"""HTTP: the front door, the typed endpoints, errors, documents and the management API."""
