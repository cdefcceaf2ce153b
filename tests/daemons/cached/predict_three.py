# SPDX-License-Identifier: Apache-2.0
"""A validate_command: predict_three.py FILE. An estimator has to predict about 6 for 3."""

import pickle
import sys
import zipfile


def load(path):
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            return pickle.load(file)
    import skops.io

    return skops.io.load(path, trusted=[])


(said,) = load(sys.argv[1]).predict([[3.0]])
sys.exit(0 if 5.9 < said < 6.1 else f"3 gives {said:.1f}")
