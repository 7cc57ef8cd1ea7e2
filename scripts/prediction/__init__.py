"""What ``make predict`` says of videos: which models, their verdicts, a picture of each."""
