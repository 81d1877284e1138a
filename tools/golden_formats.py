#!/usr/bin/env python3
"""Makes training/src/test/resources/dev/gamelan/io/*.npz: arrays as NumPy writes them. Needs numpy; the build
and the tests do not run it.

    python3 tools/golden_formats.py
"""
import os

import numpy as np

OUT = os.path.join(os.path.dirname(__file__), "..", "training/src/test/resources/dev/gamelan/io")
os.makedirs(OUT, exist_ok=True)
x = np.arange(6).reshape(2, 3)
arrays = {}
for code in ("f4", "f8", "f2", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"):
    arrays[code] = x.astype("<" + code)
for code in ("f4", "f8", "i2", "u4"):
    arrays[code + "_big_endian"] = x.astype(">" + code)
arrays["b1"] = x.astype("b1")
arrays["f4_column_major"] = np.asfortranarray(x.astype("f4"))
arrays["i8_column_major_big_endian"] = np.asfortranarray(x.astype(">i8"))
arrays["scalar"] = np.float64(2.5)
arrays["empty"] = np.zeros((0, 3), "f4")
np.savez(os.path.join(OUT, "numpy.npz"), **arrays)
np.savez_compressed(os.path.join(OUT, "numpy-compressed.npz"), a=np.arange(1000, dtype="i4"))
