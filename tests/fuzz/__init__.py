"""Requests made up from the OpenAPI document, by schemathesis, and whether the answers are those it describes."""
