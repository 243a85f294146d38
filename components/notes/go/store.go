package main

import (
	"fmt"

	"notes/bindings/selvedge_keyvalue_store"
	. "notes/bindings/wit/types"
)

// The app's store, as the manifest calls it: the key is the id, the value the text.
const store = "notes"

// list gives the ids of the first thousand notes: as many as the store gives in one go.
func list() ([]string, error) {
	bucket, err := open()
	if err != nil {
		return nil, err
	}
	defer bucket.Drop()
	page := bucket.List("", None[string](), None[uint32]())
	if page.IsErr() {
		return nil, failed(page.Err())
	}
	ids := []string{}
	for _, key := range page.Ok().Keys {
		ids = append(ids, key.Name)
	}
	return ids, nil
}

func read(id string) (string, error) {
	bucket, err := open()
	if err != nil {
		return "", err
	}
	defer bucket.Drop()
	value := bucket.Get(id)
	if value.IsErr() {
		return "", failed(value.Err())
	}
	if value.Ok().IsNone() {
		return "", noSuchNote
	}
	return string(value.Ok().Some()), nil
}

func write(kept note) error {
	bucket, err := open()
	if err != nil {
		return err
	}
	defer bucket.Drop()
	none := None[selvedge_keyvalue_store.SetOptions]()
	if result := bucket.Set(kept.ID, []byte(kept.Text), none); result.IsErr() {
		return failed(result.Err())
	}
	return nil
}

func remove(id string) error {
	bucket, err := open()
	if err != nil {
		return err
	}
	defer bucket.Drop()
	if result := bucket.Delete(id); result.IsErr() {
		return failed(result.Err())
	}
	return nil
}

func open() (*selvedge_keyvalue_store.Bucket, error) {
	result := selvedge_keyvalue_store.Open(store)
	if result.IsErr() {
		return nil, failed(result.Err())
	}
	return result.Ok(), nil
}

func failed(err selvedge_keyvalue_store.Error) error {
	return fmt.Errorf("store %q: error %d of selvedge:keyvalue", store, err.Tag())
}
