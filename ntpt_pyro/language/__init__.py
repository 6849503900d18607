"""The language: values on the simplex, functions of them, control flow, sites, learned functions."""
