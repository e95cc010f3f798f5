"""The gateway's API as commands: one file for each thing that one can do something about."""
