"""What every Closedloop service is built from; imports no service."""
