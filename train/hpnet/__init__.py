"""HP-Net: RGB, text and pooled features in one model (specs/hpnet.md B, D)."""
