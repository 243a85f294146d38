import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from greeting import greeting, name_in  # noqa: E402


class Greeting(unittest.TestCase):
    def test_visitors_are_greeted_by_name(self):
        self.assertEqual(name_in({"name": ["Ada"]}), "Ada")
        self.assertEqual(name_in({}), "world")
        self.assertEqual(greeting("Ada", 3), "Hello, Ada! This is visit 3.\n")
