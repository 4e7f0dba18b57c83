"""`python -m vmagent_operator`."""

import sys

from vmagent_operator.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
