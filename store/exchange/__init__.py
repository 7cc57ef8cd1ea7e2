"""Other people's formats: the authors' ``.npy`` folders, pyskl pickles, NTU ``.skeleton`` files."""
