"""What the services share: contracts, the messaging runtime, database, settings, logs and the life of a process."""
