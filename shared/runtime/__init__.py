"""What runs a service: settings, composition, HTTP base, timers, logging, telemetry."""
