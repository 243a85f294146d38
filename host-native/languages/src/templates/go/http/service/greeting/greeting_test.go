package greeting

import "testing"

func TestVisitorsAreGreetedByName(t *testing.T) {
	for query, want := range map[string]string{"name=Ada+Lovelace": "Ada Lovelace", "": "world"} {
		if got := Name(query); got != want {
			t.Errorf("Name(%q) is %q, not %q", query, got, want)
		}
	}
	if got := Greeting("Ada", 3); got != "Hello, Ada! This is visit 3." {
		t.Errorf("the greeting is %q", got)
	}
}
