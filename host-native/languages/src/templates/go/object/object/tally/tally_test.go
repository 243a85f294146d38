package tally

import "testing"

func TestACounterStandsWhereItWasLeft(t *testing.T) {
	for _, value := range []uint64{0, 7, 1 << 40} {
		if got := Read(Write(value)); got != value {
			t.Errorf("%d was read as %d", value, got)
		}
	}
	if got := Read(nil); got != 0 {
		t.Errorf("nothing was read as %d", got)
	}
}
