"""A legacy backend that speaks sessions, on FastAPI."""
