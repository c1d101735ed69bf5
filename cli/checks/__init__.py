"""The checks of `tiffin doctor`, a file per part of the installation."""
