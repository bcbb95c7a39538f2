"""reel-driver: learns what you want to watch, says how sure it is, and shows it."""

__version__ = "0.1.0"
