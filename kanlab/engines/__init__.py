"""The engines a study can fit with: kanlab's own solver, and stock pykan with two of its optimisers.

A unit of work goes in, the scores of each configuration come out, whatever the engine. Stock pykan loads torch, and is
imported only where an engine that needs it fits, in a worker process.
"""
