"""The commands of `holf` that have more than a few lines, one a module, each with `add_parser`."""
