"""The two aggregates of this service: the work order (工单) and the entry of the directory (组织与规则)."""

from services.workflow.domain import directory
from services.workflow.domain.decide import decide
from services.workflow.domain.evolve import EVOLVERS, evolve
from services.workflow.domain.state import WorkOrder
from services.workflow.domain.view import entry_fields, order_fields, order_view
from shared.events.directory import DirectoryChanged
from shared.events.workorders import Created
from shared.kernel.aggregate import AggregateType
from shared.kernel.ids import COMPLAINT, DIRECTORY, WORK_ORDER, sibling

WORK_ORDERS = AggregateType(
    name="work_order",
    prefix=WORK_ORDER,
    topic="workorders",
    state=WorkOrder,
    events=(Created, *EVOLVERS),
    decide=decide,
    evolve=evolve,
    view_name="work_order",
    view=order_view,
    index=order_fields,
    correlation=lambda order_id, _: sibling(order_id, COMPLAINT),
)

DIRECTORY_ENTRIES = AggregateType(
    name="directory_entry",
    prefix=DIRECTORY,
    topic="directory",
    state=DirectoryChanged,
    events=(DirectoryChanged,),
    decide=directory.decide,
    evolve=directory.evolve,
    index=entry_fields,
    key=lambda aggregate_id: aggregate_id.removeprefix(DIRECTORY),
)
