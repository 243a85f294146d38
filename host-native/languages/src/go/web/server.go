package web

import (
	"io"
	"strconv"
	"strings"

	exports "selvedge.invalid/bindings/export_wasi_http_handler"
	wasi "selvedge.invalid/bindings/wasi_http_types"
	witAsync "go.bytecodealliance.org/pkg/wit/async"
	witTypes "go.bytecodealliance.org/pkg/wit/types"

	_ "selvedge.invalid/bindings/wit_exports"
)

// What a handler writes is kept up to so many bytes; then the response begins, and the rest is sent
// as it is written. A shorter body gets a content-length.
const bufferedBytesMax = 65536

// A Request is one that came in.
type Request struct {
	Method string
	// The path, as it was sent.
	Path string
	// What follows the question mark, as it was sent: `url.ParseQuery` reads it.
	Query string
	// What is read from it comes as the client sends it.
	Body io.Reader

	incoming *wasi.Request
	header   Header
	host     witTypes.Option[string]
	hostRead bool
}

// Header has the request's fields.
func (r *Request) Header() Header {
	if r.header == nil {
		r.header = headerOf(r.incoming.GetHeaders())
	}
	return r.header
}

// Host is the host that the request asks for, with its port, or "".
func (r *Request) Host() string {
	if !r.hostRead {
		r.host, r.hostRead = r.incoming.GetAuthority(), true
	}
	return r.host.SomeOr("")
}

// A ResponseWriter is where a handler writes its response.
type ResponseWriter struct {
	header Header
	status int
	// What was written before the response began.
	body []byte
	// Where the rest goes.
	stream *witTypes.StreamWriter[uint8]
	end    *witTypes.FutureWriter[trailers]
	// Gets what the client is to have, once.
	begun chan witTypes.Result[*wasi.Response, wasi.ErrorCode]
}

// Header is what the response's fields are set in, before the first byte is sent.
func (w *ResponseWriter) Header() Header { return w.header }

// WriteHeader sets the status, which is 200 where none is set.
func (w *ResponseWriter) WriteHeader(status int) { w.status = status }

// Write writes a piece of the body. It fails with [io.ErrClosedPipe] where the client is gone.
func (w *ResponseWriter) Write(bytes []byte) (int, error) {
	if w.stream != nil {
		return writer{w.stream}.Write(bytes)
	}
	w.body = append(w.body, bytes...)
	if len(w.body) > bufferedBytesMax {
		return len(bytes), w.Flush()
	}
	return len(bytes), nil
}

// Flush sends what was written so far, and begins the response where it was not begun.
func (w *ResponseWriter) Flush() error {
	if w.stream == nil {
		w.begin()
	}
	first := w.body
	w.body = nil
	_, err := writer{w.stream}.Write(first)
	return err
}

// begin has the host send the response's head.
func (w *ResponseWriter) begin() {
	stream, reader := wasi.MakeStreamU8()
	end, trailers := wasi.MakeFutureResultOptionFieldsErrorCode()
	w.stream, w.end = stream, end
	fields, err := fieldsOf(w.header)
	if err != nil {
		w.begun <- failed(err.Error())
		return
	}
	response, sent := wasi.ResponseNew(fields, witTypes.Some(reader), trailers)
	sent.Drop()
	if response.SetStatusCode(uint16(w.status)).IsErr() {
		w.begun <- failed("the handler set a status that is none: " + strconv.Itoa(w.status))
		return
	}
	w.begun <- witTypes.Ok[*wasi.Response, wasi.ErrorCode](response)
}

// finish ends the response after the handler.
func (w *ResponseWriter) finish() {
	if w.stream == nil && w.status != 204 && w.status != 304 {
		if _, set := w.header["content-length"]; !set {
			w.header.Set("content-length", strconv.Itoa(len(w.body)))
		}
	}
	_ = w.Flush()
	w.stream.Drop()
	w.end.Write(witTypes.Ok[witTypes.Option[*wasi.Fields], wasi.ErrorCode](witTypes.None[*wasi.Fields]()))
}

// Handle sets what answers requests. Call it in an `init` function: a component has no `main`.
func Handle(handler func(w *ResponseWriter, r *Request)) {
	exports.Handle = func(incoming *wasi.Request) witTypes.Result[*wasi.Response, wasi.ErrorCode] {
		path, query, _ := strings.Cut(incoming.GetPathWithQuery().SomeOr("/"), "?")
		request := &Request{Method: methodOf(incoming.GetMethod()), Path: path, Query: query, incoming: incoming}
		body := &body{drop: incoming.Drop}
		body.open = func(result *witTypes.FutureReader[done]) (*witTypes.StreamReader[uint8], *witTypes.FutureReader[trailers]) {
			// The fields go with the request, so this is the last time to read them.
			request.Header()
			request.Host()
			return wasi.RequestConsumeBody(incoming, result)
		}
		request.Body = body
		w := &ResponseWriter{header: Header{}, status: 200}
		w.begun = make(chan witTypes.Result[*wasi.Response, wasi.ErrorCode], 1)
		witAsync.Go(func() {
			handler(w, request)
			_ = body.Close()
			w.finish()
		})
		return <-w.begun
	}
}

func failed(reason string) witTypes.Result[*wasi.Response, wasi.ErrorCode] {
	return witTypes.Err[*wasi.Response](wasi.MakeErrorCodeInternalError(witTypes.Some(reason)))
}

func methodOf(method wasi.Method) string {
	switch method.Tag() {
	case wasi.MethodGet:
		return "GET"
	case wasi.MethodHead:
		return "HEAD"
	case wasi.MethodPost:
		return "POST"
	case wasi.MethodPut:
		return "PUT"
	case wasi.MethodDelete:
		return "DELETE"
	case wasi.MethodConnect:
		return "CONNECT"
	case wasi.MethodOptions:
		return "OPTIONS"
	case wasi.MethodTrace:
		return "TRACE"
	case wasi.MethodPatch:
		return "PATCH"
	}
	return method.Other()
}
