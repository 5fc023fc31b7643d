"""Starts intake."""

from services.intake.main import SERVICE
from shared.runtime.service import main

main(SERVICE)
