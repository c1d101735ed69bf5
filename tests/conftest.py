"""What every test needs: a model store of its own, and no report to the outside.

BentoML and ONNX Runtime read these variables when they are imported, so they are set before any test module can import
them.
"""

from __future__ import annotations

import os
import signal
import tempfile
import warnings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell leaves it for what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

_STORE = tempfile.TemporaryDirectory(prefix="tiffin-test-", ignore_cleanup_errors=True)
os.environ["BENTOML_HOME"] = _STORE.name
os.environ["BENTOML_DO_NOT_TRACK"] = "True"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # BentoML 1.4.39 uses a name that pathspec deprecates
    import bentoml
    import bentoml.models  # noqa: F401
