"""Every index that a service needs: the runtime's own, and those it declares."""

from shared.persistence.jobs import INDEXES as JOB_INDEXES
from shared.persistence.schema import RUNTIME_INDEXES, Index
from shared.runtime.context import ServiceDefinition
from shared.runtime.http.idempotency import INDEXES as IDEMPOTENCY_INDEXES


def indexes_of(definition: ServiceDefinition) -> tuple[Index, ...]:
    jobs = JOB_INDEXES if definition.jobs else ()
    return (*RUNTIME_INDEXES, *IDEMPOTENCY_INDEXES, *jobs, *definition.indexes)
