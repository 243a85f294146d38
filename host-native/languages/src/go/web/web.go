// Package web answers and sends HTTP requests over `wasi:http`, in the manner of net/http.
//
// It is here because net/http itself makes a component three times as large: it brings its own HTTP,
// TLS and DNS, none of which a component needs.
package web

import (
	"fmt"
	"io"
	"strings"

	wasi "selvedge.invalid/bindings/wasi_http_types"
	witTypes "go.bytecodealliance.org/pkg/wit/types"
)

// Header has the values of fields by their names, in small letters.
type Header map[string][]string

// Get is the first value of a field, or "".
func (h Header) Get(name string) string {
	if values := h[strings.ToLower(name)]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set gives a field one value.
func (h Header) Set(name, value string) { h[strings.ToLower(name)] = []string{value} }

// Add gives a field one more value.
func (h Header) Add(name, value string) {
	name = strings.ToLower(name)
	h[name] = append(h[name], value)
}

// Del removes a field.
func (h Header) Del(name string) { delete(h, strings.ToLower(name)) }

// An Error is what the host says of a request that was not answered, or of a body that broke off.
type Error struct {
	// The code as the host gave it: its tag is one of the constants of `wasi_http_types`.
	Code wasi.ErrorCode
}

func (e *Error) Error() string {
	switch e.Code.Tag() {
	case wasi.ErrorCodeHttpRequestDenied:
		return "the manifest does not allow that host"
	case wasi.ErrorCodeConnectionRefused, wasi.ErrorCodeDestinationUnavailable, wasi.ErrorCodeDestinationNotFound:
		return "the host cannot be reached"
	case wasi.ErrorCodeConnectionTimeout, wasi.ErrorCodeConnectionReadTimeout, wasi.ErrorCodeHttpResponseTimeout:
		return "the host did not answer in time"
	case wasi.ErrorCodeInternalError:
		return e.Code.InternalError().SomeOr("internal error")
	}
	return fmt.Sprintf("HTTP failed, error code %d of wasi:http", e.Code.Tag())
}

type (
	done     = witTypes.Result[witTypes.Unit, wasi.ErrorCode]
	trailers = witTypes.Result[witTypes.Option[*wasi.Fields], wasi.ErrorCode]
)

// body reads the stream that a request or a response brings.
type body struct {
	open     func(result *witTypes.FutureReader[done]) (*witTypes.StreamReader[uint8], *witTypes.FutureReader[trailers])
	drop     func()
	stream   *witTypes.StreamReader[uint8]
	trailers *witTypes.FutureReader[trailers]
	result   *witTypes.FutureWriter[done]
	err      error
}

// Read reads what has come, and waits where nothing has. A body that broke off ends with an [Error].
func (b *body) Read(into []byte) (int, error) {
	if b.err != nil || len(into) == 0 {
		return 0, b.err
	}
	if b.stream == nil {
		result, reader := wasi.MakeFutureResultUnitErrorCode()
		b.result = result
		b.stream, b.trailers = b.open(reader)
	}
	count := b.stream.Read(into)
	if count > 0 || !b.stream.WriterDropped() {
		return int(count), nil
	}
	// Only the trailers tell a body that broke off from a whole one.
	b.err = io.EOF
	fields := b.trailers.Read()
	b.trailers = nil
	if fields.IsErr() {
		b.err = &Error{fields.Err()}
	} else if fields := fields.Ok(); fields.IsSome() {
		fields.Some().Drop()
	}
	return 0, b.err
}

// Close gives up what was not read.
func (b *body) Close() error {
	if b.err == nil {
		b.err = io.ErrClosedPipe
	}
	if b.stream == nil {
		if b.drop != nil {
			b.drop()
			b.drop = nil
		}
		return nil
	}
	b.stream.Drop()
	if b.trailers != nil {
		b.trailers.Drop()
		b.trailers = nil
	}
	if result := b.result; result != nil {
		b.result = nil
		go result.Write(witTypes.Ok[witTypes.Unit, wasi.ErrorCode](witTypes.Unit{}))
	}
	return nil
}

func headerOf(fields *wasi.Fields) Header {
	header := Header{}
	for _, entry := range fields.CopyAll() {
		header.Add(entry.F0, string(entry.F1))
	}
	fields.Drop()
	return header
}

func fieldsOf(header Header) (*wasi.Fields, error) {
	fields := wasi.MakeFields()
	for name, values := range header {
		for _, value := range values {
			if result := fields.Append(name, []byte(value)); result.IsErr() {
				fields.Drop()
				return nil, fmt.Errorf("the header field %q is not allowed, or not well-formed", name)
			}
		}
	}
	return fields, nil
}

// writer writes to a stream until its reader is gone.
type writer struct {
	stream *witTypes.StreamWriter[uint8]
}

func (w writer) Write(bytes []byte) (int, error) {
	count := int(w.stream.WriteAll(bytes))
	if count < len(bytes) {
		return count, io.ErrClosedPipe
	}
	return count, nil
}
