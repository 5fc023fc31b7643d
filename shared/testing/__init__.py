"""What several test suites use: doubles of the runner's ports, a movable clock, a recorder of records."""
