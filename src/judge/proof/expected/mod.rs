//! What every question must be answered, from the model alone.
