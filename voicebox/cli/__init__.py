"""The command line (interfaces.md, "Command line"): one file a command."""

from voicebox.cli.main import main

__all__ = ["main"]
