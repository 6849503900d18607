"""HTML that objects show themselves with, in a notebook and on a page: everything in it is escaped."""
