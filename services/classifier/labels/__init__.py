"""Labels: the user's own categories, drawn by rules from what the engines said of a picture (docs/labels.md)."""
