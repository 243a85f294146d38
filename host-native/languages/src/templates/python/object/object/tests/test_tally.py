import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from tally import number_in, stored_as  # noqa: E402


class Tally(unittest.TestCase):
    def test_a_counter_stands_where_it_was_left(self):
        for value in (0, 7, 2**40):
            self.assertEqual(number_in(stored_as(value)), value)
        self.assertEqual(number_in(None), 0)
