"""Training of the demo's networks on pictures that scripts/demo_videos draws, and what they reach."""
