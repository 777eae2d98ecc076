"""Run the command line by `python -m edgepack`."""

from edgepack.cli import main

main()
