"""The contract on the topics: one module of events per publishing service, and the topics themselves. Pure."""
