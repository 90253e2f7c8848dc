"""`perennial doctor`: what works, what does not, and what to do.

Owns how findings are shown. Does not own the checks (`local.doctor`).
"""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local import doctor
from workflows.messages import SUBSCRIPTION_TASK_QUEUE
from workflows.search_attributes import SEARCH_ATTRIBUTES


def run(root: Path) -> int:
    """Show every finding; 1 when there is something to do."""
    findings = doctor.examine(
        root,
        search_attributes=SEARCH_ATTRIBUTES,
        task_queues=(SUBSCRIPTION_TASK_QUEUE,),
    )
    table = Table("", "part", "state", "what to do", box=None)
    for finding in findings:
        mark = Text("ok", "green") if finding.is_well else Text("!!", "bold red")
        table.add_row(mark, finding.part, finding.state, finding.remedy or "")
    Console().print(table)
    return 0 if all(finding.is_well for finding in findings) else 1
