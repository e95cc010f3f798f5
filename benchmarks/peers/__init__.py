"""Other ways to take the same order, as their ecosystems would write them, measured beside ours."""
