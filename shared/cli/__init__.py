"""The `closedloop` command: a client of the services, and the one that runs them."""
