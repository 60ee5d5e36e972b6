"""`python -m linkmw …`, for where the command itself is not on the PATH."""

from linkmw.cli import main

main(prog_name="linkmw")
