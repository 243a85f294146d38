// Answers HTTP requests in C: a handler is written as if every call waited for its answer.
//
//   struct locals {
//     SELVEDGE_LOCALS;
//     selvedge_keyvalue_store_result_own_bucket_error_t bucket;
//   };
//
//   static selvedge_progress_t handle(selvedge_request_t *request, selvedge_response_t *response, struct locals *my) {
//     SELVEDGE_BEGIN(my);
//     selvedge_header(response, "content-type", "text/plain");
//     SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_open(selvedge_string("notes"), &my->bucket));
//     selvedge_print(response, "%s\n", my->bucket.is_err ? "no" : "yes");
//     SELVEDGE_END(my);
//   }
//
//   SELVEDGE_HTTP_SERVICE(handle, struct locals)
//
// Where a call has to wait, the handler is left, so that the instance can answer other requests, and
// entered again behind that call. So there is one rule: **what is needed after a call that waits is
// kept in `my`**, since variables of the handler itself do not survive it. That goes for what the
// call is given by pointer, too. `my` is zero at first, and freed by its owner alone: give strings
// and lists back with the `..._free` functions of `wit.h`, and resources with `..._drop_own`.
#ifndef SELVEDGE_HTTP_H
#define SELVEDGE_HTTP_H

#include "wit.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- code that waits -------------------------------------------------------------------------------

typedef enum {
  SELVEDGE_DONE,
  SELVEDGE_WAITING,
} selvedge_progress_t;

// The first member of every `my`: where to go on.
#define SELVEDGE_LOCALS int selvedge_resume

// The first and the last statement of a function that waits. Between them lies a `switch`, so a call
// that waits cannot be inside of another `switch`, and only one of them in a line.
#define SELVEDGE_BEGIN(my) \
  switch ((my)->selvedge_resume) { \
    case 0:;
#define SELVEDGE_END(my) \
  } \
  SELVEDGE_RETURN(my)

// Ends such a function early.
#define SELVEDGE_RETURN(my) \
  do { \
    (my)->selvedge_resume = 0; \
    return SELVEDGE_DONE; \
  } while (0)

// Calls an import of `wit.h` that is `async` in WIT, and goes on when its result is there.
#define SELVEDGE_AWAIT(my, request, call) \
  do { \
    if (selvedge_waits(request, call)) { \
      (my)->selvedge_resume = __LINE__; \
      return SELVEDGE_WAITING; \
      case __LINE__:; \
    } \
  } while (0)

// Calls a function that waits, one of this file or of one's own (which has a `my` of its own).
#define SELVEDGE_CALL(my, call) \
  do { \
    (my)->selvedge_resume = __LINE__; \
    case __LINE__: \
    if ((call) == SELVEDGE_WAITING) return SELVEDGE_WAITING; \
  } while (0)

// --- requests --------------------------------------------------------------------------------------

typedef enum {
  SELVEDGE_BODY_UNREAD,
  SELVEDGE_BODY_WHOLE,
  // It is longer than was asked for; `body` has its beginning.
  SELVEDGE_BODY_TOO_LARGE,
  // It ended before its end.
  SELVEDGE_BODY_BROKEN,
} selvedge_body_state_t;

typedef struct selvedge_private selvedge_private_t;

typedef struct {
  // All texts end with a zero byte.
  const char *method;
  // As they were sent: without the question mark, and not decoded.
  const char *path;
  const char *query;
  // What selvedge_read_body read. There is a zero byte behind it.
  uint8_t *body;
  size_t body_bytes;
  selvedge_body_state_t body_state;
  selvedge_private_t *internal;
} selvedge_request_t;

// Reads the body, `bytes_max` of it at most. Waits: call it by SELVEDGE_CALL.
selvedge_progress_t selvedge_read_body(selvedge_request_t *request, size_t bytes_max);

// The first value of a header field, to be freed with free(); NULL where there is none.
char *selvedge_request_header(selvedge_request_t *request, const char *name);

// Decodes a value of the query (`%20` and `+`), to be freed with free(); NULL where there is none.
char *selvedge_query(const selvedge_request_t *request, const char *name);

// --- responses -------------------------------------------------------------------------------------

typedef struct {
  // 200 where none is set.
  uint16_t status;
  selvedge_private_t *internal;
} selvedge_response_t;

// Adds a header field; false where it is not allowed, or not well-formed.
bool selvedge_header(selvedge_response_t *response, const char *name, const char *value);

// Adds to the body. What is written is kept until the handler ends, or calls selvedge_flush; a body
// that was not flushed gets a content-length.
void selvedge_write(selvedge_response_t *response, const void *bytes, size_t count);
void selvedge_print(selvedge_response_t *response, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Sends what was written so far, and the status and the header before it; after that these cannot be
// changed. Waits: call it by SELVEDGE_CALL.
selvedge_progress_t selvedge_flush(selvedge_response_t *response);

// Whether the client has gone, so that nobody reads what is written.
bool selvedge_client_has_gone(const selvedge_response_t *response);

// --- requests to others ----------------------------------------------------------------------------

#ifdef SELVEDGE_HTTP_CLIENT
// A GET of a URL, and what came of it. Zero at first; its `body` is freed by selvedge_fetch_free.
typedef struct {
  SELVEDGE_LOCALS;
  // Bounds in milliseconds; 0 leaves them to the host.
  uint32_t connect_ms_max, first_byte_ms_max;
  // 0 where there is no response; then `error` tells why, as one of WASI_HTTP_TYPES_ERROR_CODE_...
  uint16_t status;
  uint8_t error;
  uint8_t *body;
  size_t body_bytes;
  selvedge_body_state_t body_state;
  // What follows is used inside.
  wasi_http_client_result_own_response_error_code_t result;
  struct selvedge_reader *reader;
  bool has_trailers;
  uint32_t trailers, trailers_event;
} selvedge_fetch_t;

// Fetches a URL, `bytes_max` of its body at most. The manifest has to allow its host (`allow-hosts`).
// Waits: call it by SELVEDGE_CALL.
selvedge_progress_t selvedge_fetch(selvedge_request_t *request, selvedge_fetch_t *fetch, const char *url, size_t bytes_max);
void selvedge_fetch_free(selvedge_fetch_t *fetch);

// Whether a text is a URL that can be fetched: http:// or https://, and a host.
bool selvedge_is_url(const char *text);
#endif

// --- the rest --------------------------------------------------------------------------------------

// A text of C's as one of WIT's. It is not copied.
wit_string_t selvedge_string(const char *text);

// Whether bytes are a text in UTF-8.
bool selvedge_is_utf8(const uint8_t *bytes, size_t count);

// Says what answers requests: `handler`, whose `my` is a `locals`. Once, outside of functions.
#define SELVEDGE_HTTP_SERVICE(handler, locals) \
  const size_t selvedge_locals_bytes = sizeof(locals); \
  selvedge_progress_t selvedge_handler(selvedge_request_t *request, selvedge_response_t *response, void *my) { \
    return handler(request, response, (locals *)my); \
  }

// Used by the macros above.
bool selvedge_waits(selvedge_request_t *request, wit_subtask_status_t status);
extern const size_t selvedge_locals_bytes;
selvedge_progress_t selvedge_handler(selvedge_request_t *request, selvedge_response_t *response, void *my);

#ifdef __cplusplus
}
#endif
#endif
