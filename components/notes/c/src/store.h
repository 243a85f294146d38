// Keeps notes in the app's key-value store `notes`: the key is the id, the value the text.
#ifndef STORE_H
#define STORE_H

#include "selvedge_http.h"

// One operation, and what came of it. Zero at first.
struct store {
  SELVEDGE_LOCALS;
  bool has_failed;
  // What store_get and store_list gave, where they did not fail.
  selvedge_keyvalue_store_result_option_list_u8_error_t value;
  selvedge_keyvalue_store_result_page_error_t page;
  // What the calls use while they wait.
  selvedge_keyvalue_store_result_own_bucket_error_t bucket;
  selvedge_keyvalue_store_method_bucket_set_args_t set;
  selvedge_keyvalue_store_method_bucket_list_args_t list;
  selvedge_keyvalue_store_result_void_error_t done;
};

// The ids of the first thousand notes: as many as the store gives in one go.
selvedge_progress_t store_list(selvedge_request_t *request, struct store *my);
selvedge_progress_t store_get(selvedge_request_t *request, struct store *my, const char *id);
selvedge_progress_t store_set(selvedge_request_t *request, struct store *my, const char *id, const uint8_t *bytes, size_t count);
selvedge_progress_t store_delete(selvedge_request_t *request, struct store *my, const char *id);
void store_free(struct store *store);

#endif
