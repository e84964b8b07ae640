"""python -m kanlab"""

import sys

from kanlab.cli.main import main

sys.exit(main())
