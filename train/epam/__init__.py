"""EPAM-Net: from poses and crops of a clip to class scores (specs/epam.md). Axes: (B, T, C, H, W)."""
