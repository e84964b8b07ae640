"""The command line: `kanlab COMMAND`. Progress goes to standard error, results to standard output.

`main` reads the command and loads what it needs, no more: the first trial of `kanlab tune` comes after about a second.
Exit codes: 0 done, 2 bad input (one line says what, where and what to do), 130 interrupted.
"""
