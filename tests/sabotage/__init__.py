"""Does the suite notice? Each way to break the code on purpose, and the tests that have to fail then."""
