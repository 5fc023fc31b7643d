"""`python -m services.notifier` runs the service."""

from services.notifier.main import SERVICE
from shared.runtime.service import main

main(SERVICE)
