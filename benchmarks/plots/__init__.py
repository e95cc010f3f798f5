"""Pictures of what benchmarks reported."""
