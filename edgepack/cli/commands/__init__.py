"""One file a command, found by itself.

A file `some_name.py` holds a click command called `command`, made by `edgepack.cli.command.define`, and is
reached as `edgepack some-name`. Its docstring is the help text; the docstring's first line is the short help,
which `edgepack --help` reads without importing the file. Whatever is heavy is imported inside the command.
"""
