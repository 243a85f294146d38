"""The component begins here. What it exports is a resource, and that is in the module of its interface:
`counters`."""

import counters

__all__ = ["counters"]
