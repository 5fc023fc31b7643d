"""Pure building blocks: aggregates, refusals, clock, ids, working time. Standard library only."""
