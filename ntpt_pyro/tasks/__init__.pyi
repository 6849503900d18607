from .examples import Examples as Examples
from .registry import find_task as find_task
from .registry import task_names as task_names
from .task import Task as Task
from .task import Trial as Trial
