package web

import (
	"errors"
	"io"
	"net/url"
	"time"

	client "selvedge.invalid/bindings/wasi_http_client"
	wasi "selvedge.invalid/bindings/wasi_http_types"
	witTypes "go.bytecodealliance.org/pkg/wit/types"
)

// An Outgoing is a request to another server. The manifest has to allow its host (`allow-hosts`).
type Outgoing struct {
	// GET where it is empty.
	Method string
	URL    string
	Header Header
	// Nil for none.
	Body io.Reader
	// The longest time until the connection is there, and until the response begins; 0 leaves it to
	// the host.
	ConnectTimeout, FirstByteTimeout time.Duration
}

// A Response is what another server answered. Its body has to be closed.
type Response struct {
	Status int
	Header Header
	Body   io.ReadCloser
}

// Get asks for a URL.
func Get(url string) (*Response, error) { return Send(&Outgoing{URL: url}) }

// Send sends a request, and waits for the head of its response.
func Send(outgoing *Outgoing) (*Response, error) {
	request, err := outgoing.request()
	if err != nil {
		return nil, err
	}
	result := client.Send(request)
	if result.IsErr() {
		return nil, &Error{result.Err()}
	}
	response := result.Ok()
	open := func(result *witTypes.FutureReader[done]) (*witTypes.StreamReader[uint8], *witTypes.FutureReader[trailers]) {
		return wasi.ResponseConsumeBody(response, result)
	}
	return &Response{
		Status: int(response.GetStatusCode()),
		Header: headerOf(response.GetHeaders()),
		Body:   &body{open: open, drop: response.Drop},
	}, nil
}

func (o *Outgoing) request() (*wasi.Request, error) {
	target, err := url.Parse(o.URL)
	if err != nil {
		return nil, err
	}
	var scheme wasi.Scheme
	switch target.Scheme {
	case "http":
		scheme = wasi.MakeSchemeHttp()
	case "https":
		scheme = wasi.MakeSchemeHttps()
	default:
		return nil, errors.New("a URL begins with http:// or https://")
	}
	fields, err := fieldsOf(o.Header)
	if err != nil {
		return nil, err
	}
	end, trailers := wasi.MakeFutureResultOptionFieldsErrorCode()
	contents := witTypes.None[*witTypes.StreamReader[uint8]]()
	if o.Body != nil {
		stream, reader := wasi.MakeStreamU8()
		contents = witTypes.Some(reader)
		go send(o.Body, stream, end)
	} else {
		go end.Write(witTypes.Ok[witTypes.Option[*wasi.Fields], wasi.ErrorCode](witTypes.None[*wasi.Fields]()))
	}
	request, sent := wasi.RequestNew(fields, contents, trailers, witTypes.Some(o.options()))
	sent.Drop()
	path := witTypes.Some(target.RequestURI())
	if request.SetMethod(methodFor(o.Method)).IsErr() ||
		request.SetScheme(witTypes.Some(scheme)).IsErr() ||
		request.SetAuthority(witTypes.Some(target.Host)).IsErr() ||
		request.SetPathWithQuery(path).IsErr() {
		request.Drop()
		return nil, errors.New("the method or the URL is not well-formed")
	}
	return request, nil
}

// options has the time-outs. A host may know none; then its own count.
func (o *Outgoing) options() *wasi.RequestOptions {
	options := wasi.MakeRequestOptions()
	if o.ConnectTimeout > 0 {
		options.SetConnectTimeout(witTypes.Some(uint64(o.ConnectTimeout)))
	}
	if o.FirstByteTimeout > 0 {
		options.SetFirstByteTimeout(witTypes.Some(uint64(o.FirstByteTimeout)))
	}
	return options
}

func methodFor(name string) wasi.Method {
	switch name {
	case "", "GET":
		return wasi.MakeMethodGet()
	case "HEAD":
		return wasi.MakeMethodHead()
	case "POST":
		return wasi.MakeMethodPost()
	case "PUT":
		return wasi.MakeMethodPut()
	case "DELETE":
		return wasi.MakeMethodDelete()
	case "OPTIONS":
		return wasi.MakeMethodOptions()
	case "PATCH":
		return wasi.MakeMethodPatch()
	}
	return wasi.MakeMethodOther(name)
}

// send writes a body and ends it. It waits for the reader, so it is a goroutine's business.
func send(content io.Reader, stream *witTypes.StreamWriter[uint8], end *witTypes.FutureWriter[trailers]) {
	outcome := witTypes.Ok[witTypes.Option[*wasi.Fields], wasi.ErrorCode](witTypes.None[*wasi.Fields]())
	if _, err := io.Copy(writer{stream}, content); err != nil && err != io.ErrClosedPipe {
		text := witTypes.Some(err.Error())
		outcome = witTypes.Err[witTypes.Option[*wasi.Fields], wasi.ErrorCode](wasi.MakeErrorCodeInternalError(text))
	}
	stream.Drop()
	end.Write(outcome)
}
