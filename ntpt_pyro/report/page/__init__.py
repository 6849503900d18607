"""The page of a run: one file of HTML that needs no network, made by ``run_page``."""
