"""``python -m ntpt_pyro`` is the command ``ntpt``."""

from ntpt_pyro.cli.main import main

if __name__ == "__main__":
    main()
