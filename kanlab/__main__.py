"""python -m kanlab"""

import sys

from kanlab.cli import main

sys.exit(main())
