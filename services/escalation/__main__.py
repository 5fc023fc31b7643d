"""`python -m services.escalation` runs the service."""

from services.escalation.main import SERVICE
from shared.runtime.service import main

main(SERVICE)
