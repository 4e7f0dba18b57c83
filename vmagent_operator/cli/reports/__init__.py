"""What subcommands tell of manifests and clusters, as values and as text."""
