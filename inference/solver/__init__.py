"""Programs as circuits of Boolean variables, and the solvers that search and count them."""
