"""The audit that one server runs beside its calls: a walk without an end, and its metrics."""
