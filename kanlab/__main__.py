"""python -m kanlab"""

import os
import sys

if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    del sys.path[0]  # put there by -m: a numbers.py beside somebody's table would be run in the place of the library's

from kanlab.cli.main import main

sys.exit(main())
