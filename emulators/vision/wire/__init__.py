"""The wire protocol of Image Analysis 4.0: queries and bodies in, answers and errors out."""
