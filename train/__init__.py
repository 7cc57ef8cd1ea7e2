"""Store to scores: streams, models, training, evaluation. Comes with the trainer."""
