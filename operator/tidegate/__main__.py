"""`python -m tidegate`: the same as the command `tidegate`."""

from tidegate.cli.main import main

main()
