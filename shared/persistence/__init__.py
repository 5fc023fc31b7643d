"""MongoDB: the driver seam, the event log, projections, parked records and small guarded stores."""
