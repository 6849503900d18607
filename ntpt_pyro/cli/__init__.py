"""The command line: a file a command, loaded when called for; a user's mistake is one line, exit code 2."""

from ntpt_pyro.cli.main import main as main

__all__ = ["main"]
