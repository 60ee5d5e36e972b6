from linkmw.cli.main import main

__all__ = ["main"]
