"""Independent pieces of work side by side: in this process, on all cores, or on a cluster."""
