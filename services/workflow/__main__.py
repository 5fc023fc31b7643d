"""Starts one process of the workflow service."""

from services.workflow.main import SERVICE
from shared.runtime.service import main

main(SERVICE)
