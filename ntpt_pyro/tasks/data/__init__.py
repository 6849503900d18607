"""The images that tasks read, and the examples made of them."""
