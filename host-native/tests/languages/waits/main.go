// What Go has to wait by, each in a request of its own: the guest of `waits.rs`.
package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"waits/bindings/web"
)

var lock sync.Mutex
var handed = make(chan int)

func init() { web.Handle(handle) }

func main() {}

func handle(w *web.ResponseWriter, r *web.Request) {
	switch r.Path {
	case "/lock": // held over a call that waits
		lock.Lock()
		defer lock.Unlock()
		fmt.Fprint(w, fetched(r.Query))
	case "/give": // one request has what another waits for
		handed <- 7
		fmt.Fprint(w, "given")
	case "/take":
		fmt.Fprint(w, <-handed)
	case "/sleep":
		time.Sleep(300 * time.Millisecond)
		fmt.Fprint(w, "slept")
	case "/deadline":
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		<-ctx.Done()
		fmt.Fprint(w, ctx.Err())
	case "/cancel": // a timer of an hour that nobody waits for
		_, cancel := context.WithTimeout(context.Background(), time.Hour)
		cancel()
		fmt.Fprint(w, "cancelled")
	case "/after": // a timer whose function runs beside the request
		ran := make(chan string)
		time.AfterFunc(50*time.Millisecond, func() { ran <- "ran" })
		fmt.Fprint(w, <-ran)
	case "/group": // goroutines that wait at the same time
		var group sync.WaitGroup
		lengths := make([]int, 4)
		for i := range lengths {
			group.Go(func() { lengths[i] = len(fetched(r.Query)) })
		}
		group.Wait()
		fmt.Fprint(w, lengths)
	default:
		w.WriteHeader(404)
	}
}

func fetched(url string) string {
	response, err := web.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
