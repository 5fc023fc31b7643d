"""The ways out: each sends one parcel once and says how that ended."""
