"""`python -m cloud_marketdata` is the `marketdata` command."""

from cloud_marketdata.cli import main

main()
