// GET /?name=x tells how the counter x stands; POST /?name=x adds one.
//
// To a caller an object looks like a resource: the constructor's name says which one is meant, and its
// methods run there. Making one costs nothing and cannot fail; what can go wrong, a method tells.
package main

import (
	"fmt"
	"net/url"
	"os"

	counters "{{name}}-service/bindings/me_{{snake}}_counters"
	durable "{{name}}-service/bindings/selvedge_durable_types"
	"{{name}}-service/bindings/web"
	. "{{name}}-service/bindings/wit/types"
)

// A component has no main of its own: the host calls what it exports.
func init() { web.Handle(handle) }

func main() {}

func handle(w *web.ResponseWriter, r *web.Request) {
	w.Header().Set("content-type", "text/plain; charset=utf-8")
	name := nameIn(r.Query)
	counter := counters.MakeCounter(name)
	// A resource is the host's: give it back when it is no longer needed.
	defer counter.Drop()

	var stands Result[uint64, durable.Error]
	switch r.Method {
	case "GET", "HEAD":
		stands = counter.Get()
	case "POST":
		stands = counter.Add(1)
	default:
		w.WriteHeader(405)
		fmt.Fprintln(w, "use GET or POST")
		return
	}
	if stands.IsErr() {
		fmt.Fprintf(os.Stderr, "counter %q: error %d\n", name, stands.Err().Tag())
		w.WriteHeader(503)
		fmt.Fprintln(w, "try again")
		return
	}
	fmt.Fprintf(w, "%s stands at %d\n", name, stands.Ok())
}

// The name in a query, as in `name=x`; else default.
func nameIn(query string) string {
	values, _ := url.ParseQuery(query)
	name := []rune(values.Get("name"))
	if len(name) == 0 {
		return "default"
	}
	return string(name[:min(len(name), 100)])
}
