"""How often the label rules are right."""
