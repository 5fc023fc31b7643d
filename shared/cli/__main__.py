"""`python -m shared.cli`: what the launcher runs."""

from shared.cli.main import main

main()
