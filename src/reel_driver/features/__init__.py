"""What a model sees: one spec, fitted once, encoding one row or a whole frame to the same float32 numbers."""
