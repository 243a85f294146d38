// Greets whoever asks, and counts how often: GET /?name=Ada
//
// `selvedge build` writes two headers into `bindings/`, from the world in `../wit`: `wit.h` has every
// interface of the world, `selvedge_http.h` what makes a service of it. A function that waits is left
// there, so that other requests are answered, and entered again behind that call: what it needs then
// is kept in `my`.

#include "greeting.h"
#include "selvedge_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The store's name in selvedge.toml.
#define STORE "{{name}}"

// The most of a name that is greeted, in bytes.
#define NAME_BYTES_MAX 100

struct locals {
  SELVEDGE_LOCALS;
  char *name;
  unsigned long visits;
  char digits[24];
  // What the calls use while they wait.
  selvedge_keyvalue_store_result_own_bucket_error_t bucket;
  selvedge_keyvalue_store_result_option_list_u8_error_t known;
  selvedge_keyvalue_store_method_bucket_set_args_t set;
  selvedge_keyvalue_store_result_void_error_t done;
};

static void say(selvedge_response_t *response, int status, const char *text) {
  response->status = (uint16_t)status;
  selvedge_header(response, "content-type", "text/plain; charset=utf-8");
  selvedge_print(response, "%s", text);
}

// Standard error is the log. The visitor need not know what went wrong.
static void fail(selvedge_response_t *response, selvedge_keyvalue_store_error_t *error) {
  fprintf(stderr, "store \"" STORE "\": error %d of selvedge:keyvalue\n", error->tag);
  selvedge_keyvalue_store_error_free(error);
  say(response, 503, "try again\n");
}

// The name in the query, as in `?name=Ada`; else the world.
static char *name_in(const selvedge_request_t *request) {
  char *name = selvedge_query(request, "name");
  size_t bytes = name ? strlen(name) : 0;
  if (bytes > 0 && bytes <= NAME_BYTES_MAX && selvedge_is_utf8((uint8_t *)name, bytes)) return name;
  free(name);
  return strdup("world");
}

static unsigned long number_in(const selvedge_keyvalue_store_result_option_list_u8_error_t *known) {
  if (!known->val.ok.is_some) return 0;
  char digits[24] = {0};
  size_t count = known->val.ok.val.len;
  memcpy(digits, known->val.ok.val.ptr, count < sizeof digits ? count : sizeof digits - 1);
  return strtoul(digits, NULL, 10);
}

// Two visits at the same time may count as one: a store is made for many reads and few writes. What
// has to be exact belongs into a durable object.
static selvedge_progress_t handle(selvedge_request_t *request, selvedge_response_t *response, struct locals *my) {
  SELVEDGE_BEGIN(my);
  if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
    say(response, 405, "use GET\n");
    SELVEDGE_RETURN(my);
  }
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_open(selvedge_string(STORE), &my->bucket));
  if (my->bucket.is_err) {
    fail(response, &my->bucket.val.err);
    SELVEDGE_RETURN(my);
  }
  my->name = name_in(request);
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_method_bucket_get(
      selvedge_keyvalue_store_borrow_bucket(my->bucket.val.ok), selvedge_string(my->name), &my->known));
  if (my->known.is_err) {
    fail(response, &my->known.val.err);
  } else {
    my->visits = number_in(&my->known) + 1;
    // What the host gave is freed by us.
    selvedge_keyvalue_store_result_option_list_u8_error_free(&my->known);
    snprintf(my->digits, sizeof my->digits, "%lu", my->visits);
    my->set.self = selvedge_keyvalue_store_borrow_bucket(my->bucket.val.ok);
    my->set.key = selvedge_string(my->name);
    my->set.value.ptr = (uint8_t *)my->digits;
    my->set.value.len = strlen(my->digits);
    SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_method_bucket_set(&my->set, &my->done));
    if (my->done.is_err) {
      fail(response, &my->done.val.err);
    } else {
      char line[NAME_BYTES_MAX + 64];
      greeting(line, sizeof line, my->name, my->visits);
      say(response, 200, line);
    }
  }
  free(my->name);
  selvedge_keyvalue_store_bucket_drop_own(my->bucket.val.ok);
  SELVEDGE_END(my);
}

SELVEDGE_HTTP_SERVICE(handle, struct locals)
