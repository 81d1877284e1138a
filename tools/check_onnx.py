#!/usr/bin/env python3
"""Checks ONNX files with the standard's own checker and shape inference. Needs onnx; the build and the tests do not
run it.

    python3 tools/check_onnx.py FILE.onnx …

The test suite writes one model a conformance case; -Dgamelan.onnx.keep=DIR keeps them:

    mvn -pl onnx -am test -Dtest=OpRoundTripTest -Dtest.arguments=-Dgamelan.onnx.keep=/tmp/models
"""
import sys

import onnx

failed = 0
for path in sys.argv[1:]:
    try:
        onnx.checker.check_model(path, full_check=True)
    except Exception as e:
        failed += 1
        print(path, str(e).split("\n")[0])
print(f"{len(sys.argv) - 1 - failed} passed, {failed} failed")
sys.exit(failed > 0)
