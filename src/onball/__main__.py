"""Runs the command line as `python -m onball`."""

from onball.cli.main import main

main()
