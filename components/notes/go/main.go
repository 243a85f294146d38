// `/go/notes`: keeps notes in a key-value store. `../README.md` says what it answers; the other
// languages' folders beside this one hold the same service.
//
// `selvedge build` writes the packages below `bindings/` from the world in `../wit`: `web` answers and
// sends HTTP, and every interface of the world has a package of its name. A call that waits for the
// host lets other goroutines go on, those of other requests among them.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	random "notes/bindings/wasi_random_random"
	"notes/bindings/web"
)

// A component has no main of its own: the host calls what it exports.
func init() { web.Handle(handle) }

func main() {}

// A note as the client sees it.
type note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// A refusal is why a request is not answered as its client wished.
type refusal struct {
	status int
	reason string
	// The methods that would do, where this one does not.
	allow string
}

func (r *refusal) Error() string { return r.reason }

var noSuchNote = &refusal{status: 404, reason: "there is no such note"}

func handle(w *web.ResponseWriter, r *web.Request) {
	if err := answer(w, r); err != nil {
		refuse(w, err)
	}
}

func answer(w *web.ResponseWriter, r *web.Request) error {
	// What stands before the first slash is nothing.
	pieces := strings.Split(r.Path, "/")
	switch {
	case len(pieces) == 3 && pieces[2] == "notes":
		return answerList(w, r, pieces[1])
	case len(pieces) == 4 && pieces[2] == "notes" && isID(pieces[3]):
		return answerNote(w, r, pieces[3])
	}
	return noSuchNote
}

func answerList(w *web.ResponseWriter, r *web.Request, route string) error {
	switch r.Method {
	case "GET", "HEAD":
		ids, err := list()
		if err != nil {
			return err
		}
		return reply(w, 200, ids)
	case "POST":
		text, err := textOf(r)
		if err != nil {
			return err
		}
		kept := note{fmt.Sprintf("%016x", random.GetRandomU64()), text}
		if err := write(kept); err != nil {
			return err
		}
		w.Header().Set("location", "/"+route+"/notes/"+kept.ID)
		return reply(w, 201, kept)
	}
	return &refusal{405, "notes cannot do that", "GET, HEAD, POST"}
}

func answerNote(w *web.ResponseWriter, r *web.Request, id string) error {
	switch r.Method {
	case "GET", "HEAD":
		text, err := read(id)
		if err != nil {
			return err
		}
		return reply(w, 200, note{id, text})
	case "DELETE":
		if err := remove(id); err != nil {
			return err
		}
		w.WriteHeader(204)
		return nil
	}
	return &refusal{405, "a note cannot do that", "GET, HEAD, DELETE"}
}

func reply(w *web.ResponseWriter, status int, body any) error {
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(body)
}

func refuse(w *web.ResponseWriter, err error) {
	why, ok := err.(*refusal)
	if !ok {
		// What exactly went wrong is for the log.
		fmt.Fprintln(os.Stderr, err)
		why = &refusal{status: 500, reason: "the notes cannot be reached, try again"}
	}
	if why.allow != "" {
		w.Header().Set("allow", why.allow)
	}
	_ = reply(w, why.status, map[string]string{"reason": why.reason})
}

func isID(text string) bool {
	return len(text) == 16 && strings.Trim(text, "0123456789abcdef") == ""
}
