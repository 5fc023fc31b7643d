"""How the system is run: the embedded stack (`local`), containers and manifests."""
