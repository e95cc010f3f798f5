"""`python -m onhand.cli` is `onhand`."""

from onhand.cli.main import app

app()
