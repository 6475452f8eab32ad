"""`python -m onball` is `onball`."""

from onball.cli.main import main

main()
