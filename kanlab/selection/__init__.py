"""Which model to take, and how sure that is: ranking, validation of the finalists, decision, explanation, diagnostics.

Reads a study and says what it comes to, the same for pages, command line, Python and reports. It fits nothing itself: what
must be fitted again is asked of the worker processes.
"""
