"""Other people's score files."""
