"""The commands `python -m hawc gallery list|show|forget|export|sheet`, one a file."""

from hawc.gallery_commands.program import main

__all__ = ["main"]
