"""Looking at pictures: pure functions over decoded pixels; knows nothing of HTTP."""
