"""A study in its storage: its specification, its trials, its state, its data, and who may run or change it.

Everything that is kept passes through here, and everything that knows Optuna or SQL lives here. Nothing here fits a model or
starts a process; any process that opens the storage sees the same study.
"""
