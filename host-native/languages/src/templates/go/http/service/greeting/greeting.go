// Package greeting knows what is said, and to whom: the part that needs no host, so `go test` runs it
// on any machine.
package greeting

import (
	"fmt"
	"net/url"
)

// Name is the name in a query, as in `name=Ada`; else the world.
func Name(query string) string {
	values, _ := url.ParseQuery(query)
	name := []rune(values.Get("name"))
	if len(name) == 0 {
		return "world"
	}
	return string(name[:min(len(name), 100)])
}

// Greeting is one line for a visitor.
func Greeting(name string, visits int) string {
	return fmt.Sprintf("Hello, %s! This is visit %d.", name, visits)
}
