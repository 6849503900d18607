"""Tasks, data, runs and the recorded experiments."""

if __name__ != "ntpt_pyro.experiments":
    raise ImportError("import this package as ntpt_pyro.experiments: there must be one copy of its classes")
