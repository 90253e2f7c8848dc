"""`python -m cli`: the `perennial` command where the package is not installed, as in the image."""

from cli.main import app

app(prog_name="perennial")
