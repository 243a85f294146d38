// Greets whoever asks, and counts how often: GET /?name=Ada
//
// `selvedge build` writes the packages below `bindings/` from the world in `../wit`: `web` answers
// HTTP in the manner of net/http, and every interface of the world has a package of its name. A call
// that waits for the host lets other goroutines go on, those of other requests among them.
package main

import (
	"fmt"
	"os"
	"strconv"

	"{{name}}-service/bindings/selvedge_keyvalue_store"
	"{{name}}-service/bindings/web"
	. "{{name}}-service/bindings/wit/types"
	"{{name}}-service/greeting"
)

// The store's name in selvedge.toml.
const store = "{{name}}"

// A component has no main of its own: the host calls what it exports.
func init() { web.Handle(handle) }

func main() {}

func handle(w *web.ResponseWriter, r *web.Request) {
	w.Header().Set("content-type", "text/plain; charset=utf-8")
	if r.Method != "GET" && r.Method != "HEAD" {
		w.WriteHeader(405)
		fmt.Fprintln(w, "use GET")
		return
	}
	name := greeting.Name(r.Query)
	visits, err := countVisit(name)
	if err != nil {
		// Standard error is the log. The visitor need not know what went wrong.
		fmt.Fprintln(os.Stderr, err)
		w.WriteHeader(503)
		fmt.Fprintln(w, "try again")
		return
	}
	fmt.Fprintln(w, greeting.Greeting(name, visits))
}

// countVisit adds one to the visits of a name. Two visits at the same time may count as one: a store is
// made for many reads and few writes. What has to be exact belongs into a durable object.
func countVisit(name string) (int, error) {
	opened := selvedge_keyvalue_store.Open(store)
	if opened.IsErr() {
		return 0, failed(opened.Err())
	}
	visits := opened.Ok()
	// A resource is the host's: give it back when it is no longer needed.
	defer visits.Drop()

	known := visits.Get(name)
	if known.IsErr() {
		return 0, failed(known.Err())
	}
	count := 1
	if value := known.Ok(); value.IsSome() {
		// What is no number counts as none.
		before, _ := strconv.Atoi(string(value.Some()))
		count = before + 1
	}
	none := None[selvedge_keyvalue_store.SetOptions]()
	if set := visits.Set(name, []byte(strconv.Itoa(count)), none); set.IsErr() {
		return 0, failed(set.Err())
	}
	return count, nil
}

func failed(err selvedge_keyvalue_store.Error) error {
	return fmt.Errorf("store %q: error %d of selvedge:keyvalue", store, err.Tag())
}
