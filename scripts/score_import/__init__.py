"""Which clips somebody's score files should hold."""
