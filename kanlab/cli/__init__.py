"""The command line: `kanlab COMMAND`. Progress goes to standard error, results to standard output.

`main` parses the command and imports only what that command needs, so that `kanlab tune` shows its first trial in about 1 s.
Exit codes: 0 done, 2 bad input (one line says what, where and what to do), 130 interrupted.
"""
