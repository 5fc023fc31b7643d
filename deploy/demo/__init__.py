"""The demo: one scripted day of complaints on a real system, played by `up --demo`. Never part of production."""
