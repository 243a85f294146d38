#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES_MAX 65536

static void refuse(struct text *my, uint16_t status, const char *reason) {
  my->status = status;
  my->reason = reason;
}

static bool is_text(const uint8_t *bytes, size_t count) { return count > 0 && selvedge_is_utf8(bytes, count); }

static void take_body(selvedge_request_t *request, struct text *my) {
  my->bytes = request->body;
  my->count = request->body_bytes;
  if (request->body_state == SELVEDGE_BODY_TOO_LARGE) refuse(my, 413, "a note has 65536 bytes at most");
  else if (request->body_state != SELVEDGE_BODY_WHOLE) refuse(my, 400, "the body broke off");
  else if (!is_text(my->bytes, my->count)) refuse(my, 400, "a note is a text in UTF-8");
}

static void take_fetched(struct text *my) {
  my->bytes = my->fetch.body;
  my->count = my->fetch.body_bytes;
  if (my->fetch.status == 0) {
    fprintf(stderr, "origin %s: error %d of wasi:http\n", my->from, my->fetch.error);
    bool is_denied = my->fetch.error == WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED;
    refuse(my, 502, is_denied ? "the manifest does not allow that host" : "the origin cannot be reached");
  } else if (my->fetch.status < 200 || my->fetch.status > 299) {
    refuse(my, 502, "the origin has no such text");
  } else if (my->fetch.body_state != SELVEDGE_BODY_WHOLE || !is_text(my->bytes, my->count)) {
    refuse(my, 502, "what the origin sent is no note");
  }
}

selvedge_progress_t text_read(selvedge_request_t *request, struct text *my) {
  SELVEDGE_BEGIN(my);
  my->from = selvedge_query(request, "from");
  if (!my->from) {
    SELVEDGE_CALL(my, selvedge_read_body(request, BYTES_MAX));
    take_body(request, my);
  } else if (!selvedge_is_url(my->from)) {
    refuse(my, 400, "`from` is a URL that begins with http:// or https://");
  } else {
    my->fetch.connect_ms_max = 2000;
    my->fetch.first_byte_ms_max = 10000;
    SELVEDGE_CALL(my, selvedge_fetch(request, &my->fetch, my->from, BYTES_MAX));
    take_fetched(my);
  }
  SELVEDGE_END(my);
}

void text_free(struct text *text) {
  free(text->from);
  selvedge_fetch_free(&text->fetch);
}
