"""The paper's models as Pyro programs, one file each."""

if __name__ != "ntpt_pyro.models":
    raise ImportError("import this package as ntpt_pyro.models: there must be one copy of its classes")
