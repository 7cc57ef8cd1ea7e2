"""Raw video to store: decode, detect, choose persons, crop, pose, pool, put on the clock."""
