"""Ways of inducing programs: what `--strategy` names."""
