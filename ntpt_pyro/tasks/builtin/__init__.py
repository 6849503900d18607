"""The paper's tasks, one file each. Every module here gives ``TASKS``: by name what makes the task."""
