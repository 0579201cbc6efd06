"""The release gate: what a tree may not hold when it is published, and the manifest of a tree that was let through."""
