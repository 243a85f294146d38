// What `selvedge_http.h` declares: the way of a request through the callbacks of an asynchronous export.
//
// A request is a task of the component model. Whenever it waits, exactly one waitable is in its set;
// the host calls back when that has an event, and the handler, or what follows it, goes on.
#include "selvedge_http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How much of a body is asked for at once, at least.
#define PIECE_BYTES 4096

typedef wasi_http_types_stream_u8_t stream_t;
typedef wasi_http_types_stream_u8_writer_t stream_writer_t;
typedef wasi_http_types_result_option_own_trailers_error_code_t trailers_result_t;
typedef wasi_http_types_future_result_option_own_trailers_error_code_t trailers_t;
typedef wasi_http_types_future_result_option_own_trailers_error_code_writer_t trailers_writer_t;
typedef wasi_http_types_future_result_void_error_code_t outcome_t;
typedef wasi_http_types_future_result_void_error_code_writer_t outcome_writer_t;

// What is written into futures: no trailers, and that all went well.
static const trailers_result_t no_trailers = {.is_err = false};
static const wasi_http_types_result_void_error_code_t well = {.is_err = false};

// Reads a body to its end.
struct selvedge_reader {
  SELVEDGE_LOCALS;
  bool is_open;
  stream_t stream;
  trailers_t trailers;
  outcome_writer_t outcome;
  trailers_result_t trailers_result;
  uint8_t *bytes;
  size_t count, room;
  selvedge_body_state_t state;
};

struct selvedge_private {
  SELVEDGE_LOCALS;
  selvedge_request_t request;
  selvedge_response_t response;
  bool is_handled;
  // The waitable that is waited for, and what its event told.
  wit_waitable_set_t set;
  wit_waitable_status_t event;
  // The request that came in, until its body is read.
  bool has_incoming;
  wasi_http_types_own_request_t incoming;
  bool has_header;
  wasi_http_types_own_headers_t header;
  wit_string_t method_text, path_text;
  struct selvedge_reader reader;
  // The response that goes out.
  bool has_fields;
  wasi_http_types_own_fields_t fields;
  bool has_length;
  bool is_begun, has_stream, is_gone;
  stream_writer_t stream;
  trailers_writer_t trailers;
  struct { SELVEDGE_LOCALS; } flush;
  uint8_t *bytes;
  size_t count, room, sent;
  // The handler's own variables, `selvedge_locals_bytes` of them.
  _Alignas(16) uint8_t locals[];
};

// --- waiting ---------------------------------------------------------------------------------------

bool selvedge_waits(selvedge_request_t *request, wit_subtask_status_t status) {
  if (WIT_SUBTASK_STATE(status) == WIT_SUBTASK_RETURNED) return false;
  wit_waitable_join(WIT_SUBTASK_HANDLE(status), request->internal->set);
  return true;
}

// Whether a read or a write of a stream or a future waits; how it went is in `event` afterwards.
static bool waits(selvedge_private_t *task, uint32_t handle, wit_waitable_status_t status) {
  task->event = status;
  if (status != WIT_WAITABLE_STATUS_BLOCKED) return false;
  wit_waitable_join(handle, task->set);
  return true;
}

// As SELVEDGE_AWAIT, for a read or a write of a stream or a future.
#define AWAIT_COPY(my, task, handle, copy) \
  do { \
    if (waits(task, handle, copy)) { \
      (my)->selvedge_resume = __LINE__; \
      return SELVEDGE_WAITING; \
      case __LINE__:; \
    } \
  } while (0)

// --- bytes -----------------------------------------------------------------------------------------

// Makes room for `more` bytes behind `count`, and for a zero byte.
static void reserve(uint8_t **bytes, size_t count, size_t *room, size_t more) {
  if (*bytes && *room - count > more) return;
  size_t wanted = *room * 2;
  if (wanted <= count + more) wanted = count + more + 1;
  uint8_t *grown = realloc(*bytes, wanted);
  if (!grown) abort();
  *bytes = grown;
  *room = wanted;
}

wit_string_t selvedge_string(const char *text) {
  return (wit_string_t){(uint8_t *)text, strlen(text)};
}

// A text of WIT's as one of C's, in the same memory where that has room.
static char *text_of(wit_string_t *string) {
  uint8_t *bytes = realloc(string->len ? string->ptr : NULL, string->len + 1);
  if (!bytes) abort();
  bytes[string->len] = 0;
  string->ptr = bytes;
  return (char *)bytes;
}

bool selvedge_is_utf8(const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count;) {
    uint8_t first = bytes[i++];
    if (first < 0x80) continue;
    // The range of the second byte leaves out what is too long, surrogates, and what is over U+10FFFF.
    uint8_t low = 0x80, high = 0xbf;
    size_t rest;
    if (first >= 0xc2 && first <= 0xdf) rest = 1;
    else if (first >= 0xe0 && first <= 0xef) rest = 2, low = first == 0xe0 ? 0xa0 : low, high = first == 0xed ? 0x9f : high;
    else if (first >= 0xf0 && first <= 0xf4) rest = 3, low = first == 0xf0 ? 0x90 : low, high = first == 0xf4 ? 0x8f : high;
    else return false;
    if (count - i < rest || bytes[i] < low || bytes[i] > high) return false;
    for (size_t next = 1; next < rest; next++)
      if ((bytes[i + next] & 0xc0) != 0x80) return false;
    i += rest;
  }
  return true;
}

static int hex(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  digit |= 0x20;
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static char *decoded(const char *text, size_t count) {
  char *into = malloc(count + 1), *end = into;
  if (!into) abort();
  for (size_t i = 0; i < count; i++) {
    bool is_escape = text[i] == '%' && i + 2 < count && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
    if (is_escape) {
      *end++ = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      *end++ = text[i] == '+' ? ' ' : text[i];
    }
  }
  *end = 0;
  return into;
}

char *selvedge_query(const selvedge_request_t *request, const char *name) {
  for (const char *pair = request->query; *pair;) {
    size_t pair_bytes = strcspn(pair, "&"), name_bytes = strcspn(pair, "=&");
    char *found = decoded(pair, name_bytes);
    bool is_it = strcmp(found, name) == 0;
    free(found);
    if (is_it) {
      size_t skipped = name_bytes < pair_bytes ? name_bytes + 1 : name_bytes;
      return decoded(pair + skipped, pair_bytes - skipped);
    }
    pair += pair_bytes + (pair[pair_bytes] == '&');
  }
  return NULL;
}

// --- bodies that come in ---------------------------------------------------------------------------

static selvedge_progress_t read_all(selvedge_private_t *task, struct selvedge_reader *my, size_t bytes_max) {
  SELVEDGE_BEGIN(my);
  for (;;) {
    reserve(&my->bytes, my->count, &my->room, PIECE_BYTES);
    AWAIT_COPY(my, task, my->stream, wasi_http_types_stream_u8_read(my->stream, my->bytes + my->count, my->room - my->count - 1));
    my->count += WIT_WAITABLE_COUNT(task->event);
    my->bytes[my->count] = 0;
    if (my->count > bytes_max) {
      my->state = SELVEDGE_BODY_TOO_LARGE;
      SELVEDGE_RETURN(my);
    }
    if (WIT_WAITABLE_STATE(task->event) != WIT_WAITABLE_COMPLETED) break;
  }
  // Only the trailers tell a body that broke off from a whole one.
  AWAIT_COPY(my, task, my->trailers, wasi_http_types_future_result_option_own_trailers_error_code_read(my->trailers, &my->trailers_result));
  my->state = my->trailers_result.is_err ? SELVEDGE_BODY_BROKEN : SELVEDGE_BODY_WHOLE;
  wasi_http_types_result_option_own_trailers_error_code_free(&my->trailers_result);
  SELVEDGE_END(my);
}

// Gives up what was not read, and tells the sender that it is well.
static selvedge_progress_t close_reader(selvedge_private_t *task, struct selvedge_reader *my) {
  SELVEDGE_BEGIN(my);
  if (!my->is_open) SELVEDGE_RETURN(my);
  wasi_http_types_stream_u8_drop_readable(my->stream);
  wasi_http_types_future_result_option_own_trailers_error_code_drop_readable(my->trailers);
  AWAIT_COPY(my, task, my->outcome, wasi_http_types_future_result_void_error_code_write(my->outcome, &well));
  wasi_http_types_future_result_void_error_code_drop_writable(my->outcome);
  my->is_open = false;
  SELVEDGE_END(my);
}

static void open_reader(struct selvedge_reader *reader, wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t *body) {
  reader->is_open = true;
  reader->stream = body->f0;
  reader->trailers = body->f1;
}

selvedge_progress_t selvedge_read_body(selvedge_request_t *request, size_t bytes_max) {
  selvedge_private_t *task = request->internal;
  struct selvedge_reader *reader = &task->reader;
  if (task->has_incoming) {
    if (!task->has_header) {
      // It goes with the request, so this is the last time to get it.
      task->header = wasi_http_types_method_request_get_headers(wasi_http_types_borrow_request(task->incoming));
      task->has_header = true;
    }
    wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t body;
    outcome_t outcome = wasi_http_types_future_result_void_error_code_new(&reader->outcome);
    wasi_http_types_static_request_consume_body(task->incoming, outcome, &body);
    task->has_incoming = false;
    open_reader(reader, &body);
  } else if (!reader->selvedge_resume) {
    return SELVEDGE_DONE; // It was read.
  }
  selvedge_progress_t progress = read_all(task, reader, bytes_max);
  request->body = reader->bytes;
  request->body_bytes = reader->count;
  request->body_state = reader->state;
  return progress;
}

char *selvedge_request_header(selvedge_request_t *request, const char *name) {
  selvedge_private_t *task = request->internal;
  if (!task->has_header) {
    task->header = wasi_http_types_method_request_get_headers(wasi_http_types_borrow_request(task->incoming));
    task->has_header = true;
  }
  wasi_http_types_list_field_value_t values;
  wit_string_t key = selvedge_string(name);
  wasi_http_types_method_fields_get(wasi_http_types_borrow_fields(task->header), &key, &values);
  char *value = NULL;
  if (values.len > 0) {
    value = malloc(values.ptr[0].len + 1);
    if (!value) abort();
    if (values.ptr[0].len > 0) memcpy(value, values.ptr[0].ptr, values.ptr[0].len);
    value[values.ptr[0].len] = 0;
  }
  wasi_http_types_list_field_value_free(&values);
  return value;
}

// --- responses -------------------------------------------------------------------------------------

bool selvedge_header(selvedge_response_t *response, const char *name, const char *value) {
  selvedge_private_t *task = response->internal;
  if (task->is_begun) return false;
  if (!task->has_fields) {
    task->fields = wasi_http_types_constructor_fields();
    task->has_fields = true;
  }
  wit_string_t key = selvedge_string(name);
  wasi_http_types_field_value_t text = {(uint8_t *)value, strlen(value)};
  wasi_http_types_header_error_t error;
  if (!wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(task->fields), &key, &text, &error)) {
    wasi_http_types_header_error_free(&error);
    return false;
  }
  task->has_length |= strcasecmp(name, "content-length") == 0;
  return true;
}

void selvedge_write(selvedge_response_t *response, const void *bytes, size_t count) {
  selvedge_private_t *task = response->internal;
  if (count == 0 || task->is_gone) return;
  reserve(&task->bytes, task->count, &task->room, count);
  memcpy(task->bytes + task->count, bytes, count);
  task->count += count;
}

void selvedge_print(selvedge_response_t *response, const char *format, ...) {
  selvedge_private_t *task = response->internal;
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int count = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (count > 0 && !task->is_gone) {
    reserve(&task->bytes, task->count, &task->room, (size_t)count);
    vsnprintf((char *)task->bytes + task->count, (size_t)count + 1, format, again);
    task->count += (size_t)count;
  }
  va_end(again);
}

bool selvedge_client_has_gone(const selvedge_response_t *response) { return response->internal->is_gone; }

static void fail(const char *why) {
  wit_string_t reason;
  wit_string_dup(&reason, why);
  exports_wasi_http_handler_result_own_response_error_code_t result = {.is_err = true};
  result.val.err.tag = WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR;
  result.val.err.val.internal_error.is_some = true;
  result.val.err.val.internal_error.val = reason;
  exports_wasi_http_handler_handle_return(result);
  wit_string_free(&reason);
}

// Gives the host the status and the header, and what the body is read from.
static void begin(selvedge_private_t *task, bool has_body) {
  if (!task->has_fields) task->fields = wasi_http_types_constructor_fields();
  task->has_fields = false;
  task->is_begun = true;
  stream_t stream;
  if (has_body) {
    stream = wasi_http_types_stream_u8_new(&task->stream);
    task->has_stream = true;
  }
  trailers_t trailers = wasi_http_types_future_result_option_own_trailers_error_code_new(&task->trailers);
  wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
  wasi_http_types_static_response_new(task->fields, has_body ? &stream : NULL, trailers, &made);
  wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
  uint16_t status = task->response.status ? task->response.status : 200;
  if (!wasi_http_types_method_response_set_status_code(wasi_http_types_borrow_response(made.f0), status)) {
    wasi_http_types_response_drop_own(made.f0);
    fail("the handler set a status that is none");
    return;
  }
  exports_wasi_http_handler_result_own_response_error_code_t result = {.is_err = false, .val.ok = made.f0};
  exports_wasi_http_handler_handle_return(result);
}

selvedge_progress_t selvedge_flush(selvedge_response_t *response) {
  selvedge_private_t *task = response->internal;
  SELVEDGE_BEGIN(&task->flush);
  if (!task->is_begun) begin(task, true);
  task->sent = 0;
  while (task->sent < task->count) {
    AWAIT_COPY(&task->flush, task, task->stream, wasi_http_types_stream_u8_write(task->stream, task->bytes + task->sent, task->count - task->sent));
    task->sent += WIT_WAITABLE_COUNT(task->event);
    if (WIT_WAITABLE_STATE(task->event) != WIT_WAITABLE_COMPLETED) {
      task->is_gone = true;
      break;
    }
  }
  task->count = 0;
  SELVEDGE_END(&task->flush);
}

// What follows the handler.
static selvedge_progress_t finish(selvedge_private_t *my) {
  SELVEDGE_BEGIN(my);
  if (!my->is_begun) {
    bool may_have_body = my->response.status != 204 && my->response.status != 304;
    if (may_have_body && !my->has_length) {
      char length[24];
      snprintf(length, sizeof length, "%zu", my->count);
      selvedge_header(&my->response, "content-length", length);
    }
    begin(my, my->count > 0);
  }
  if (my->has_stream) {
    SELVEDGE_CALL(my, selvedge_flush(&my->response));
    wasi_http_types_stream_u8_drop_writable(my->stream);
  }
  AWAIT_COPY(my, my, my->trailers, wasi_http_types_future_result_option_own_trailers_error_code_write(my->trailers, &no_trailers));
  wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(my->trailers);
  SELVEDGE_CALL(my, close_reader(my, &my->reader));
  SELVEDGE_END(my);
}

// --- requests to others ----------------------------------------------------------------------------

#ifdef SELVEDGE_HTTP_CLIENT
// The parts of a URL; false where it is none.
static bool split(const char *url, wasi_http_types_scheme_t *scheme, wit_string_t *authority, const char **path) {
  if (strncmp(url, "http://", 7) == 0) scheme->tag = WASI_HTTP_TYPES_SCHEME_HTTP, url += 7;
  else if (strncmp(url, "https://", 8) == 0) scheme->tag = WASI_HTTP_TYPES_SCHEME_HTTPS, url += 8;
  else return false;
  size_t count = strcspn(url, "/?#");
  if (count == 0) return false;
  for (size_t i = 0; url[i]; i++)
    if ((uint8_t)url[i] <= ' ' || url[i] == 0x7f) return false;
  *authority = (wit_string_t){(uint8_t *)url, count};
  *path = url + count;
  return true;
}

bool selvedge_is_url(const char *text) {
  wasi_http_types_scheme_t scheme;
  wit_string_t authority;
  const char *path;
  return split(text, &scheme, &authority, &path);
}

// The request for a URL, ready to be sent; false where the URL is none.
static bool request_for(const char *url, selvedge_fetch_t *fetch, wasi_http_types_own_request_t *request) {
  wasi_http_types_scheme_t scheme;
  wit_string_t authority;
  const char *rest;
  if (!split(url, &scheme, &authority, &rest)) return false;
  // The fragment stays here. A query without a path is one of the path "/".
  size_t count = strcspn(rest, "#");
  char *target = malloc(count + 2);
  if (!target) abort();
  size_t slash = rest[0] != '/';
  if (slash) target[0] = '/';
  memcpy(target + slash, rest, count);
  target[slash + count] = 0;

  wasi_http_types_own_request_options_t options = wasi_http_types_constructor_request_options();
  wasi_http_types_borrow_request_options_t bounds = wasi_http_types_borrow_request_options(options);
  wasi_http_types_request_options_error_t error;
  // A host may know no time-outs; then its own count.
  wasi_http_types_duration_t duration = (uint64_t)fetch->connect_ms_max * 1000000;
  if (duration && !wasi_http_types_method_request_options_set_connect_timeout(bounds, &duration, &error))
    wasi_http_types_request_options_error_free(&error);
  duration = (uint64_t)fetch->first_byte_ms_max * 1000000;
  if (duration && !wasi_http_types_method_request_options_set_first_byte_timeout(bounds, &duration, &error))
    wasi_http_types_request_options_error_free(&error);

  trailers_t trailers = wasi_http_types_future_result_option_own_trailers_error_code_new(&fetch->trailers);
  fetch->has_trailers = true;
  wasi_http_types_tuple2_own_request_future_result_void_error_code_t made;
  wasi_http_types_static_request_new(wasi_http_types_constructor_fields(), NULL, trailers, &options, &made);
  wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
  *request = made.f0;
  wasi_http_types_borrow_request_t borrowed = wasi_http_types_borrow_request(*request);
  wit_string_t path = selvedge_string(target);
  bool is_good = wasi_http_types_method_request_set_scheme(borrowed, &scheme) &&
                 wasi_http_types_method_request_set_authority(borrowed, &authority) &&
                 wasi_http_types_method_request_set_path_with_query(borrowed, &path);
  free(target);
  if (!is_good) wasi_http_types_request_drop_own(*request);
  // It is read while the request is sent, or let go with it.
  fetch->trailers_event = wasi_http_types_future_result_option_own_trailers_error_code_write(fetch->trailers, &no_trailers);
  return is_good;
}

selvedge_progress_t selvedge_fetch(selvedge_request_t *request, selvedge_fetch_t *my, const char *url, size_t bytes_max) {
  selvedge_private_t *task = request->internal;
  SELVEDGE_BEGIN(my);
  wasi_http_types_own_request_t outgoing;
  if (!request_for(url, my, &outgoing)) {
    my->error = WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_URI_INVALID;
    goto sent;
  }
  SELVEDGE_AWAIT(my, request, wasi_http_client_send(outgoing, &my->result));
  if (my->result.is_err) {
    my->error = my->result.val.err.tag;
    wasi_http_client_result_own_response_error_code_free(&my->result);
    goto sent;
  }
  my->status = wasi_http_types_method_response_get_status_code(wasi_http_types_borrow_response(my->result.val.ok));
  my->reader = calloc(1, sizeof *my->reader);
  if (!my->reader) abort();
  {
    wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t body;
    outcome_t outcome = wasi_http_types_future_result_void_error_code_new(&my->reader->outcome);
    wasi_http_types_static_response_consume_body(my->result.val.ok, outcome, &body);
    open_reader(my->reader, &body);
  }
  SELVEDGE_CALL(my, read_all(task, my->reader, bytes_max));
  my->body = my->reader->bytes;
  my->body_bytes = my->reader->count;
  my->body_state = my->reader->state;
  SELVEDGE_CALL(my, close_reader(task, my->reader));
  free(my->reader);
  my->reader = NULL;
sent:
  if (my->has_trailers) {
    AWAIT_COPY(my, task, my->trailers, my->trailers_event);
    wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(my->trailers);
    my->has_trailers = false;
  }
  SELVEDGE_END(my);
}

void selvedge_fetch_free(selvedge_fetch_t *fetch) {
  free(fetch->body);
  fetch->body = NULL;
}
#endif

// --- the way of a request --------------------------------------------------------------------------

static const char *method_of(wasi_http_types_method_t *method, wit_string_t *text) {
  static const char *const names[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  if (method->tag < sizeof names / sizeof *names) return names[method->tag];
  *text = method->val.other;
  return text_of(text);
}

static void end(selvedge_private_t *task) {
  if (task->has_incoming) wasi_http_types_request_drop_own(task->incoming);
  if (task->has_header) wasi_http_types_fields_drop_own(task->header);
  wit_waitable_set_drop(task->set);
  free(task->method_text.ptr);
  free(task->path_text.ptr);
  free(task->reader.bytes);
  free(task->bytes);
  free(task);
}

static wit_callback_code_t go_on(selvedge_private_t *task) {
  if (!task->is_handled) {
    if (selvedge_handler(&task->request, &task->response, task->locals) == SELVEDGE_WAITING) {
      wit_context_set_0(task);
      return WIT_CALLBACK_CODE_WAIT(task->set);
    }
    task->is_handled = true;
  }
  if (finish(task) == SELVEDGE_WAITING) {
    wit_context_set_0(task);
    return WIT_CALLBACK_CODE_WAIT(task->set);
  }
  end(task);
  return WIT_CALLBACK_CODE_EXIT;
}

wit_callback_code_t exports_wasi_http_handler_handle(exports_wasi_http_handler_own_request_t incoming) {
  selvedge_private_t *task = calloc(1, sizeof *task + selvedge_locals_bytes);
  if (!task) abort();
  task->incoming = incoming;
  task->has_incoming = true;
  task->set = wit_waitable_set_new();
  task->request.internal = task->response.internal = task;

  wasi_http_types_borrow_request_t borrowed = wasi_http_types_borrow_request(incoming);
  wasi_http_types_method_t method;
  wasi_http_types_method_request_get_method(borrowed, &method);
  task->request.method = method_of(&method, &task->method_text);
  task->request.path = "/";
  task->request.query = "";
  if (wasi_http_types_method_request_get_path_with_query(borrowed, &task->path_text)) {
    char *path = text_of(&task->path_text);
    char *mark = strchr(path, '?');
    if (mark) *mark = 0;
    task->request.path = path;
    if (mark) task->request.query = mark + 1;
  }
  return go_on(task);
}

wit_callback_code_t exports_wasi_http_handler_handle_callback(wit_event_t *event) {
  selvedge_private_t *task = wit_context_get_0();
  switch (event->event) {
    case WIT_EVENT_SUBTASK:
      if (event->code == WIT_SUBTASK_STARTING || event->code == WIT_SUBTASK_STARTED) break;
      wit_waitable_join(event->waitable, 0);
      wit_subtask_drop(event->waitable);
      return go_on(task);
    case WIT_EVENT_STREAM_READ:
    case WIT_EVENT_STREAM_WRITE:
    case WIT_EVENT_FUTURE_READ:
    case WIT_EVENT_FUTURE_WRITE:
      wit_waitable_join(event->waitable, 0);
      task->event = event->code;
      return go_on(task);
    default: // A task that is to be cancelled may go on; its result is then thrown away.
      break;
  }
  return WIT_CALLBACK_CODE_WAIT(task->set);
}
