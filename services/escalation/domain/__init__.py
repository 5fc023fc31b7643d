"""The clocks of a work order: pure decisions on starts, stops, rungs and breaches."""

from services.escalation.domain.clock_sets import CLOCK_SETS

__all__ = ["CLOCK_SETS"]
