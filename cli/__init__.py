"""The `tiffin` command."""
