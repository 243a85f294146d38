package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"time"
	"unicode/utf8"

	"notes/bindings/web"
)

// The most that a note may hold, in bytes.
const textBytesMax = 65536

// textOf is the text that a request brings, or that it says where to fetch.
func textOf(r *web.Request) (string, error) {
	query, _ := url.ParseQuery(r.Query)
	if query.Has("from") {
		return fetch(query.Get("from"))
	}
	bytes, err := io.ReadAll(io.LimitReader(r.Body, textBytesMax+1))
	switch {
	case err != nil:
		return "", &refusal{status: 400, reason: "the body broke off"}
	case len(bytes) > textBytesMax:
		return "", &refusal{status: 413, reason: "a note has 65536 bytes at most"}
	case !isText(bytes):
		return "", &refusal{status: 400, reason: "a note is a text in UTF-8"}
	}
	return string(bytes), nil
}

// fetch is the text that a GET of a URL brings: the one call that leaves this service.
func fetch(from string) (string, error) {
	target, err := url.Parse(from)
	if err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Host == "" {
		return "", &refusal{status: 400, reason: "`from` is a URL that begins with http:// or https://"}
	}
	response, err := web.Send(&web.Outgoing{
		URL:              from,
		ConnectTimeout:   2 * time.Second,
		FirstByteTimeout: 10 * time.Second,
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "origin %s: %v\n", from, err)
		return "", &refusal{status: 502, reason: err.Error()}
	}
	defer response.Body.Close()
	if response.Status < 200 || response.Status > 299 {
		return "", &refusal{status: 502, reason: "the origin has no such text"}
	}
	bytes, err := io.ReadAll(io.LimitReader(response.Body, textBytesMax+1))
	if err != nil || len(bytes) > textBytesMax || !isText(bytes) {
		return "", &refusal{status: 502, reason: "what the origin sent is no note"}
	}
	return string(bytes), nil
}

func isText(bytes []byte) bool { return len(bytes) > 0 && utf8.Valid(bytes) }
