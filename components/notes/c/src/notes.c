// `/c/notes`: keeps notes in a key-value store. `../../README.md` says what it answers; the other
// languages' folders beside this one hold the same service.
//
// `selvedge build` writes two headers into `bindings/`, from the world in `../../wit`: `wit.h` has every
// interface of the world, `selvedge_http.h` what makes a service of it. A function that waits is left
// there, and entered again behind that call: what it needs then is in `my`.

#include "answer.h"
#include "store.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a path asks for.
enum asked { NOT_PARSED, NOTHING, NOTES, NOTE };

struct locals {
  SELVEDGE_LOCALS;
  enum asked asked;
  // Where a list of notes is found, which begins with the route's own segment: "/c/notes".
  const char *place;
  char id[17];
  struct store store;
  struct text text;
};

static enum asked parse(const char *path, struct locals *my) {
  const char *slash = path[0] == '/' ? strchr(path + 1, '/') : NULL;
  if (!slash || strncmp(slash, "/notes", 6) != 0) return NOTHING;
  my->place = path;
  const char *rest = slash + 6;
  if (rest[0] == 0) return NOTES;
  if (rest[0] != '/' || strlen(rest) != 17 || strspn(rest + 1, "0123456789abcdef") != 16) return NOTHING;
  memcpy(my->id, rest + 1, 16);
  return NOTE;
}

static bool is(const selvedge_request_t *request, const char *method) { return strcmp(request->method, method) == 0; }

static void answer_created(selvedge_response_t *response, const struct locals *my) {
  size_t place_bytes = strlen(my->place);
  char *location = malloc(place_bytes + 1 + sizeof my->id);
  if (!location) abort();
  sprintf(location, "%s/%s", my->place, my->id);
  selvedge_header(response, "location", location);
  free(location);
  answer_note(response, 201, my->id, my->text.bytes, my->text.count);
}

static selvedge_progress_t notes(selvedge_request_t *request, selvedge_response_t *response, struct locals *my) {
  SELVEDGE_BEGIN(my);
  if (is(request, "GET") || is(request, "HEAD")) {
    SELVEDGE_CALL(my, store_list(request, &my->store));
    if (my->store.has_failed) answer_store_failed(response);
    else answer_list(response, &my->store.page.val.ok);
  } else if (is(request, "POST")) {
    SELVEDGE_CALL(my, text_read(request, &my->text));
    if (my->text.status != 0) {
      answer_refusal(response, my->text.status, my->text.reason);
      SELVEDGE_RETURN(my);
    }
    snprintf(my->id, sizeof my->id, "%016" PRIx64, wasi_random_random_get_random_u64());
    SELVEDGE_CALL(my, store_set(request, &my->store, my->id, my->text.bytes, my->text.count));
    if (my->store.has_failed) answer_store_failed(response);
    else answer_created(response, my);
  } else {
    answer_method(response, "GET, HEAD, POST");
  }
  SELVEDGE_END(my);
}

static selvedge_progress_t note(selvedge_request_t *request, selvedge_response_t *response, struct locals *my) {
  SELVEDGE_BEGIN(my);
  if (is(request, "GET") || is(request, "HEAD")) {
    SELVEDGE_CALL(my, store_get(request, &my->store, my->id));
    if (my->store.has_failed) answer_store_failed(response);
    else if (!my->store.value.val.ok.is_some) answer_refusal(response, 404, "there is no such note");
    else answer_note(response, 200, my->id, my->store.value.val.ok.val.ptr, my->store.value.val.ok.val.len);
  } else if (is(request, "DELETE")) {
    SELVEDGE_CALL(my, store_delete(request, &my->store, my->id));
    if (my->store.has_failed) answer_store_failed(response);
    else response->status = 204;
  } else {
    answer_method(response, "GET, HEAD, DELETE");
  }
  SELVEDGE_END(my);
}

static selvedge_progress_t handle(selvedge_request_t *request, selvedge_response_t *response, struct locals *my) {
  if (my->asked == NOT_PARSED) my->asked = parse(request->path, my);
  selvedge_progress_t progress = SELVEDGE_DONE;
  if (my->asked == NOTES) progress = notes(request, response, my);
  else if (my->asked == NOTE) progress = note(request, response, my);
  else answer_refusal(response, 404, "there is no such note");
  if (progress == SELVEDGE_DONE) {
    store_free(&my->store);
    text_free(&my->text);
  }
  return progress;
}

SELVEDGE_HTTP_SERVICE(handle, struct locals)
