"""How the system deployed on Container Apps stands a day's load: a simulation in steps of a second."""
