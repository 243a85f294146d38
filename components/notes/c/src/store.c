#include "store.h"

#include <stdio.h>

#define NAME "notes"

// Notes a failure. What exactly went wrong is for the log.
static void fail(struct store *my, selvedge_keyvalue_store_error_t *error) {
  fprintf(stderr, "store \"" NAME "\": error %d of selvedge:keyvalue\n", error->tag);
  selvedge_keyvalue_store_error_free(error);
  my->has_failed = true;
}

static bool is_open(struct store *my) {
  if (my->bucket.is_err) fail(my, &my->bucket.val.err);
  return !my->bucket.is_err;
}

static selvedge_keyvalue_store_borrow_bucket_t bucket(const struct store *my) {
  return selvedge_keyvalue_store_borrow_bucket(my->bucket.val.ok);
}

selvedge_progress_t store_list(selvedge_request_t *request, struct store *my) {
  SELVEDGE_BEGIN(my);
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_open(selvedge_string(NAME), &my->bucket));
  if (!is_open(my)) SELVEDGE_RETURN(my);
  my->list.self = bucket(my);
  my->list.prefix = selvedge_string("");
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_method_bucket_list(&my->list, &my->page));
  selvedge_keyvalue_store_bucket_drop_own(my->bucket.val.ok);
  if (my->page.is_err) fail(my, &my->page.val.err);
  SELVEDGE_END(my);
}

selvedge_progress_t store_get(selvedge_request_t *request, struct store *my, const char *id) {
  SELVEDGE_BEGIN(my);
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_open(selvedge_string(NAME), &my->bucket));
  if (!is_open(my)) SELVEDGE_RETURN(my);
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_method_bucket_get(bucket(my), selvedge_string(id), &my->value));
  selvedge_keyvalue_store_bucket_drop_own(my->bucket.val.ok);
  if (my->value.is_err) fail(my, &my->value.val.err);
  SELVEDGE_END(my);
}

selvedge_progress_t store_set(selvedge_request_t *request, struct store *my, const char *id, const uint8_t *bytes, size_t count) {
  SELVEDGE_BEGIN(my);
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_open(selvedge_string(NAME), &my->bucket));
  if (!is_open(my)) SELVEDGE_RETURN(my);
  my->set.self = bucket(my);
  my->set.key = selvedge_string(id);
  my->set.value.ptr = (uint8_t *)bytes;
  my->set.value.len = count;
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_method_bucket_set(&my->set, &my->done));
  selvedge_keyvalue_store_bucket_drop_own(my->bucket.val.ok);
  if (my->done.is_err) fail(my, &my->done.val.err);
  SELVEDGE_END(my);
}

selvedge_progress_t store_delete(selvedge_request_t *request, struct store *my, const char *id) {
  SELVEDGE_BEGIN(my);
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_open(selvedge_string(NAME), &my->bucket));
  if (!is_open(my)) SELVEDGE_RETURN(my);
  SELVEDGE_AWAIT(my, request, selvedge_keyvalue_store_method_bucket_delete(bucket(my), selvedge_string(id), &my->done));
  selvedge_keyvalue_store_bucket_drop_own(my->bucket.val.ok);
  if (my->done.is_err) fail(my, &my->done.val.err);
  SELVEDGE_END(my);
}

void store_free(struct store *store) {
  // A failure freed its own; what was never used is zero.
  if (!store->value.is_err) selvedge_keyvalue_store_result_option_list_u8_error_free(&store->value);
  if (!store->page.is_err) selvedge_keyvalue_store_result_page_error_free(&store->page);
}
