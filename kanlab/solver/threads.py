"""The BLAS libraries whose threads a fit holds to one: its matrices are too small for more, and the last bits of the numbers
would depend on how many there are.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import scipy.linalg  # with NumPy's it must be loaded before the libraries are looked for
from threadpoolctl import ThreadpoolController


@cache
def blas() -> Any:
    """Those of this process, found once, which takes milliseconds: `with blas().limit(limits=1)`.

    >>> import numpy as np
    >>> with blas().limit(limits=1):
    ...     (np.ones((2, 2)) @ np.ones(2)).tolist()
    [2.0, 2.0]
    """
    assert scipy.linalg is not None
    return ThreadpoolController().select(user_api="blas")
