"""`python -m linkmw …`, for where the command itself is not on the PATH."""

from linkmw.cli import main

if __name__ == "__main__":
    main(prog_name="linkmw")
