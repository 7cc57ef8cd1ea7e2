"""What can be told from a store's arrays by a linear classifier: a first look before anything is trained."""
